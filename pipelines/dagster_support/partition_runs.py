"""How the runs of one partition went, as Dagster recorded them."""

import dagster as dg

_PARTITION = "dagster/partition"
_ENDED_EARLY = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def failed_last(instance: dg.DagsterInstance, job: str, partition: str) -> bool:
    """Whether the newest run of a job for a partition failed or was cancelled."""
    newest = instance.get_runs(dg.RunsFilter(job_name=job, tags={_PARTITION: partition}), limit=1)
    return bool(newest) and newest[0].status in _ENDED_EARLY


def waits(instance: dg.DagsterInstance, job: str, partition: str) -> bool:
    """Whether a run of a job for a partition has yet to begin: it reads the cards as they are then."""
    statuses = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
    return bool(
        instance.get_runs(dg.RunsFilter(job_name=job, tags={_PARTITION: partition}, statuses=statuses), limit=1)
    )
