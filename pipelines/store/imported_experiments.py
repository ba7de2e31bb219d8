"""Experiments of the store that no card asks for, because their rows came from a file of another tool."""

from pipelines.store.layout import StoreLayout
from pipelines.store.stored_part import readable_manifest

ExperimentKey = tuple[str, str]
"""model_id and experiment_id."""


def stored_experiments(layout: StoreLayout) -> list[ExperimentKey]:
    """Every experiment with a folder in the table `experiment`."""
    keys = layout.partitions("experiment")
    return sorted((each["model_id"], each["experiment_id"]) for each in keys if "experiment_id" in each)


def imported_experiments(layout: StoreLayout) -> set[ExperimentKey]:
    return {key for key in stored_experiments(layout) if is_imported(layout, *key)}


def is_imported(layout: StoreLayout, model_id: str, experiment_id: str) -> bool:
    manifest = readable_manifest(layout.table_at("experiment", model_id=model_id, experiment_id=experiment_id))
    return manifest is not None and "import" in manifest.identity
