"""The Dagster asset of an experiment method: one partition set of the method's own name, keys `model/experiment`."""

from collections.abc import Mapping

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
from storage.folder import Folder
from storage.manifest import Manifest

ALERTS, NO_ALERT = "alert", "no_alert"
"""Table of a method that raises alerts, and the check of its asset that fails where one is raised."""
NO_ALERT_MEANS = "Whether all that is watched lies within its band; a warning names what does not."


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
        check_specs=[dg.AssetCheckSpec(NO_ALERT, asset=method, description=NO_ALERT_MEANS)]
        if ALERTS in settings.tables
        else [],
        **GPU_STEP,
    )(recorded_stage(fail_without_retry(experiment)))


def _alert_checks(store: Store, folders: Mapping[str, Folder]) -> list[dg.AssetCheckResult]:
    """Of a method that raises alerts: whether there is none, and which there are."""
    if ALERTS not in folders:
        return []
    rows = store.tables.read_rows(folders[ALERTS])
    raised = [row for row in rows if row["is_raised"]]
    columns = ("check_name", "feature_id", "tag", "value", "low", "high")
    records = [dg.TableRecord({name: row[name] for name in columns}) for row in raised[:100]]
    return [
        dg.AssetCheckResult(
            check_name=NO_ALERT,
            passed=not raised,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{len(raised)} of {len(rows)} checks of the watched model lie outside their bands",
            metadata={"raised": dg.MetadataValue.table(records)} if records else {},
        )
    ]


def _materialized(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    registration = store.experiment(context.partition_key)
    result = run_experiment(store, registration, Progress(context, "prompts"))
    facts, folders = result.manifest.facts, table_folders(store, registration)
    manifests = {name: Manifest.read(folder) for name, folder in folders.items()}
    rows = {name: manifest.rows for name, manifest in manifests.items() if manifest is not None}
    return dg.MaterializeResult(
        data_version=data_version(result.manifest.identity),
        check_results=_alert_checks(store, folders),
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
