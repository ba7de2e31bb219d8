"""The sensor that looks after runs: killed ones, failed stages, tables that wait for too long."""

import dagster as dg

from assets.run_health import evaluations
from pipelines.dagster_support.described import sensor
from pipelines.dagster_support.orphaned_runs import fail_orphaned_runs
from pipelines.store.store import Store
from storage.manifest import sha256_of
from storage.remote_errors import Unreachable, remote_errors


@sensor(target=None, default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=60)
def run_health(context: dg.SensorEvaluationContext, store: Store) -> dg.SensorResult:
    """Ends runs whose process was killed, so that Dagster starts them once more. Writes down which stages did not
    succeed, and whether tables wait for too long to be published, whenever that changes: as the checks `stages_succeed`
    and `published_in_time` of the asset `registry`, to which an alert can be tied. Reads the small records that each
    stage leaves in the store.
    """
    ended = fail_orphaned_runs(context.instance)
    try:
        with remote_errors():
            found = evaluations(store)
    except Unreachable as error:
        return dg.SensorResult(skip_reason=dg.SkipReason(str(error)), cursor=context.cursor)
    now = sha256_of({each.check_name: [each.passed, sorted(each.metadata)] for each in found})
    return dg.SensorResult(
        skip_reason=dg.SkipReason(
            "; ".join([*(f"{run_id} was killed" for run_id in ended), *(str(each.description) for each in found)])
        ),
        cursor=now,
        asset_events=[] if now == context.cursor else list(found),
    )
