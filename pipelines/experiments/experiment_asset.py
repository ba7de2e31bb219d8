"""The Dagster asset of an experiment method: one partition set of the method's own name, keys `model/experiment`."""

import dagster as dg

from models.experiments.settings_base import settings_of
from pipelines.dagster_support.data_versions import data_version
from pipelines.dagster_support.metadata import experiment_link, rounded
from pipelines.dagster_support.progress import Progress
from pipelines.dagster_support.resources import GPU_STEP, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.experiments.experiment_run import run_experiment, table_folders
from pipelines.store.current_datasets import NOT_MADE
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store
from storage.manifest import Manifest


def experiment_partitions(method: str) -> dg.DynamicPartitionsDefinition:
    """The partitions of a method: keys are `{model_id}/{experiment_id}`."""
    return dg.DynamicPartitionsDefinition(name=method)


def experiment_asset(method: str) -> dg.AssetsDefinition:
    """The asset that fills the tables of one method; described by its settings class."""
    settings = settings_of(method)

    def experiment(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
        return _materialized(context, store)

    return dg.asset(
        name=method,
        description=f"{settings.question}\n\n{settings.__doc__}\n\nTables: {', '.join(settings.tables)}.",
        partitions_def=experiment_partitions(method),
        tags=WRITES_TABLES,
        kinds={"torch", "parquet"},
        group_name="experiments",
        code_version=settings.code_version,
        **GPU_STEP,
    )(recorded_stage(fail_without_retry(experiment)))


def _materialized(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    registration = store.experiment(context.partition_key)
    result = run_experiment(store, registration, Progress(context, "prompts"))
    facts, folders = result.manifest.facts, table_folders(store, registration)
    manifests = {name: Manifest.read(folder) for name, folder in folders.items()}
    rows = {name: manifest.rows for name, manifest in manifests.items() if manifest is not None}
    return dg.MaterializeResult(
        data_version=data_version(result.manifest.identity),
        metadata={
            "remade_because": result.remade_because or NOT_MADE,
            "page": experiment_link(context.partition_key),
            "prompts": facts["n_prompts"],
            "forward_passes": facts["n_forward"],
            "backward_passes": facts["n_backward"],
            "seconds": rounded(facts["seconds"]),
            "rows": dg.MetadataValue.table([dg.TableRecord({"table": k, "rows": v}) for k, v in rows.items()]),
            "dagster/partition_row_count": sum(rows.values()),
        },
    )
