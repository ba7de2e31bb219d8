"""The graph that people see, held as a table: a renamed asset or a lost pool cannot pass unseen."""

import dagster as dg

from pipelines.definitions import defs

GRAPH = {
    # asset: (group, pool, kinds, what it waits for, blocking checks)
    "context_frame": ("harvest", "gpu", "parquet torch", "", ""),
    "corpus": ("harvest", None, "parquet transformers", "context_frame", "token_counts_match"),
    "activations": (
        "harvest",
        "gpu",
        "parquet torch",
        "corpus",
        "all_finite no_position_dominates rounding_below_variance token_counts_match",
    ),
    "sae": ("dictionary", "gpu", "safetensors torch", "activations", "export_equals_trained"),
    "sae_evaluation": ("dictionary", "gpu", "parquet torch", "sae", ""),
    "feature_matches": ("dictionary", "gpu", "parquet torch", "sae", ""),
    "feature_statistics": ("features", "gpu", "parquet torch", "sae", "firing_counts_agree"),
    "logit_effects": ("features", "gpu", "parquet torch", "feature_statistics", ""),
    "neighbors": ("features", "gpu", "parquet torch", "feature_statistics", ""),
    "feature_map": ("features", "gpu", "parquet torch", "feature_statistics", ""),
    "explanations": ("labels", "llm", "parquet", "feature_statistics logit_effects neighbors", ""),
    "specificity_ratings": ("labels", "llm", "parquet", "explanations", ""),
    "label_scores": ("labels", "llm", "parquet torch", "specificity_ratings", ""),
    "published_warehouse": (
        "warehouse",
        "warehouse",
        "duckdb",
        "activations context_frame corpus explanations feature_map feature_matches feature_statistics label_scores "
        "logit_effects neighbors sae sae_evaluation specificity_ratings",
        "",
    ),
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


def test_every_asset_but_the_publication_has_the_one_set_of_partitions_and_each_a_description():
    for asset in defs.resolve_all_asset_specs():
        partitions = (
            None if asset.key == dg.AssetKey("published_warehouse") else dg.DynamicPartitionsDefinition(name="sae")
        )
        assert asset.partitions_def == partitions, asset.key
        assert asset.description, asset.key


def test_the_jobs_of_a_partition_have_its_assets_and_the_publication_has_its_own():
    def assets(job: str) -> set[str]:
        return {key.to_user_string() for key in defs.resolve_job_def(job).asset_layer.executable_asset_keys}

    assert assets("harvest") == {"context_frame", "corpus", "activations"}
    assert assets("train") == {"sae", "sae_evaluation", "feature_matches"}
    assert assets("label") == {"explanations", "specificity_ratings", "label_scores"}
    assert assets("publish") == {"published_warehouse"}
    assert assets("full_pipeline") == GRAPH.keys() - {"published_warehouse"}


def test_jobs_sensors_and_schedules():
    repository = defs.get_repository_def()
    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    running = {
        sensor.name for sensor in repository.sensor_defs if sensor.default_status == dg.DefaultSensorStatus.RUNNING
    }
    assert jobs == {"harvest", "train", "sweep", "label", "publish", "full_pipeline"}
    assert running == {"new_models", "invalid_cards", "refresh_stale_assets", "publish_updates", "changed_lists"}
    assert [schedule.name for schedule in repository.schedule_defs] == ["nightly"]
