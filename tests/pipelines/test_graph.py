"""The graph that people see, held as a table: a renamed asset or a lost pool cannot pass unseen."""

import dagster as dg

from pipelines.definitions import defs

GRAPH = {
    # asset: (group, pool, kinds, what it waits for, blocking checks)
    "context_frame": ("harvest", "gpu", "parquet torch", "", ""),
    "corpus": ("harvest", None, "parquet transformers", "context_frame", "tokens_conserved"),
    "activations": (
        "harvest",
        "gpu",
        "parquet torch",
        "corpus",
        "finite no_position_dominates rounding_below_variance tokens_conserved",
    ),
    "sae": ("dictionary", "gpu", "safetensors torch", "activations", "export_equals_trained"),
    "evaluation": ("dictionary", "gpu", "parquet torch", "sae", ""),
    "matches": ("dictionary", "gpu", "parquet torch", "sae", ""),
    "feature_statistics": ("features", "gpu", "parquet torch", "sae", "density_adds_up"),
    "logit_effects": ("features", "gpu", "parquet torch", "feature_statistics", ""),
    "neighbors": ("features", "gpu", "parquet torch", "feature_statistics", ""),
    "explanations": ("labels", "llm", "parquet", "feature_statistics logit_effects neighbors", ""),
    "specificity": ("labels", "llm", "parquet", "explanations", ""),
    "scores": ("labels", "llm", "parquet torch", "specificity", ""),
    "warehouse": ("warehouse", "warehouse", "duckdb", "evaluation logit_effects matches neighbors scores", ""),
}


def test_the_graph_is_what_the_table_says():
    graph = defs.resolve_asset_graph()
    found = {}
    for asset in defs.resolve_all_asset_specs():
        node = graph.get(asset.key)
        checks = [key for key in graph.asset_check_keys if key.asset_key == asset.key and graph.get(key).blocking]
        [pool] = node.pools or {None}
        found[asset.key.to_user_string()] = (
            asset.group_name,
            pool,
            " ".join(sorted(asset.kinds)),
            " ".join(sorted(key.to_user_string() for key in node.parent_keys)),
            " ".join(sorted(key.name for key in checks)),
        )
    assert found == GRAPH


def test_every_asset_has_the_one_set_of_partitions_and_a_description():
    for asset in defs.resolve_all_asset_specs():
        assert asset.partitions_def == dg.DynamicPartitionsDefinition(name="sae"), asset.key
        assert asset.description, asset.key


def test_jobs_sensors_and_schedules():
    repository = defs.get_repository_def()
    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    running = {
        sensor.name for sensor in repository.sensor_defs if sensor.default_status == dg.DefaultSensorStatus.RUNNING
    }
    assert jobs == {"harvest", "train", "sweep", "explain", "publish", "everything"}
    assert running == {"new_models", "malformed_cards", "behind"}
    assert [schedule.name for schedule in repository.schedule_defs] == ["nightly"]
