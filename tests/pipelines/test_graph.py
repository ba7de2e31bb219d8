"""The graph that people see, held as a table: a renamed asset or a lost pool cannot pass unseen."""

import dagster as dg

from models.experiments.settings_base import method_names, settings_of
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
    "feature_families": ("features", "gpu", "parquet torch", "feature_statistics", ""),
    "monosemanticity": ("features", "gpu", "parquet torch", "feature_statistics", ""),
    "explanations": ("labels", "llm", "parquet", "feature_statistics logit_effects neighbors", ""),
    "specificity_ratings": ("labels", "llm", "parquet", "explanations", ""),
    "label_scores": ("labels", "llm", "parquet torch", "specificity_ratings", ""),
    "published_warehouse": (
        "warehouse",
        "warehouse",
        "duckdb",
        "activations context_frame corpus explanations feature_families feature_map feature_matches "
        "feature_statistics label_scores logit_effects monosemanticity neighbors sae sae_evaluation "
        "specificity_ratings " + " ".join(method_names()),
        "",
    ),
}


def test_the_graph_is_what_the_table_says():
    graph = defs.resolve_asset_graph()
    found = {}
    for asset in chain_specs():
        node = graph.get(asset.key)
        checks = [key for key in graph.asset_check_keys if key.asset_key == asset.key and graph.get(key).blocking]
        [pool] = node.pools or {None}
        found[asset.key.to_user_string()] = (
            asset.group_name,
            pool,
            " ".join(sorted(asset.kinds)),
            {key.to_user_string() for key in node.parent_keys},
            " ".join(sorted(key.name for key in checks)),
        )
    wanted = {name: (*row[:3], set(row[3].split()), row[4]) for name, row in GRAPH.items()}
    assert found == wanted


def chain_specs() -> list[dg.AssetSpec]:
    apart = ("experiments", "registry")
    return [asset for asset in defs.resolve_all_asset_specs() if asset.group_name not in apart]


def test_everything_that_dagster_shows_says_what_it_is():
    repository, graph = defs.get_repository_def(), defs.resolve_asset_graph()
    described = {asset.key.to_user_string(): asset.description for asset in defs.resolve_all_asset_specs()}
    described |= {str(key): graph.get(key).description for key in graph.asset_check_keys}
    for each in [*repository.sensor_defs, *repository.schedule_defs, *repository.get_all_jobs()]:
        described |= {} if each.name.startswith("__") else {each.name: each.description}
    assert len(described) > 40
    assert [name for name, text in described.items() if len(text or "") < 25] == []


def test_the_registry_is_shown_and_no_job_makes_it():
    [registry] = [asset for asset in defs.resolve_all_asset_specs() if asset.group_name == "registry"]
    graph = defs.resolve_asset_graph()
    assert not graph.get(registry.key).is_materializable
    checks = {key.name for key in graph.asset_check_keys if key.asset_key == registry.key}
    assert checks == {"cards_can_be_read", "stages_succeed", "published_in_time"}


def test_each_method_of_experiments_is_an_asset_with_partitions_and_a_job_of_its_own():
    graph = defs.resolve_asset_graph()
    experiments = [asset for asset in defs.resolve_all_asset_specs() if asset.group_name == "experiments"]
    assert tuple(sorted(asset.key.to_user_string() for asset in experiments)) == method_names()
    for asset in experiments:
        name = asset.key.to_user_string()
        assert asset.partitions_def == dg.DynamicPartitionsDefinition(name=name)
        assert asset.description
        assert asset.description.startswith(settings_of(name).question)
        assert graph.get(asset.key).pools == {"gpu"}
        job = defs.resolve_job_def(f"experiment_{name}")
        assert job.asset_layer.executable_asset_keys == {asset.key}


def test_every_asset_but_the_publication_has_the_one_set_of_partitions_and_each_a_description():
    for asset in chain_specs():
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
    experiment_jobs = {f"experiment_{name}" for name in method_names()}
    assert jobs == {"harvest", "train", "sweep", "features", "label", "publish", "full_pipeline"} | experiment_jobs
    assert running == {
        "new_models",
        "new_experiments",
        "invalid_cards",
        "refresh_stale_assets",
        "publish_updates",
        "changed_lists",
        "run_health",
    }
    assert [schedule.name for schedule in repository.schedule_defs] == ["nightly"]
