"""Whether tables were written since the last publication, and whether it is time for the next.

A publication shows what lay in the store when its run began: a table that was written later waits for the next one.
"""

from collections.abc import Iterable

import dagster as dg

MAX_WAIT_SECONDS = 15 * 60
"""How long tables wait at most for runs under way to end, so that one publication serves all of them."""
_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def newest_table(instance: dg.DagsterInstance, tables: Iterable[dg.AssetKey]) -> float | None:
    """When the table that was written last was written, in seconds; None where none was."""
    events = (instance.get_latest_materialization_event(key) for key in tables)
    return max((event.timestamp for event in events if event is not None), default=None)


def published_as_of(instance: dg.DagsterInstance, published: dg.AssetKey) -> float:
    """When the run of the last publication began, in seconds; 0 where there was none."""
    event = instance.get_latest_materialization_event(published)
    record = instance.get_run_record_by_id(event.run_id) if event is not None else None
    return (record.start_time or 0.0) if record is not None else 0.0


def jobs_under_way(instance: dg.DagsterInstance) -> list[str]:
    """The job of each run that waits or works."""
    return [run.job_name for run in instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY))]


def is_due(waiting_seconds: float, n_under_way: int) -> bool:
    """Whether tables that wait are to be published now."""
    return not n_under_way or waiting_seconds >= MAX_WAIT_SECONDS
