"""Schedules, off until someone turns them on."""

from collections.abc import Iterator

import dagster as dg

from pipelines import jobs
from pipelines.dagster_support.described import schedule
from pipelines.store.resolve_all import resolve_registry
from pipelines.store.store import Store


@schedule(job=jobs.full_pipeline, cron_schedule="0 3 * * *")
def nightly(context: dg.ScheduleEvaluationContext, store: Store) -> Iterator[dg.RunRequest]:
    """Walks the whole registry at three in the morning: what is up to date takes seconds, what is not is made."""
    registrations, _ = resolve_registry(store)
    known = set(context.instance.get_dynamic_partitions("sae"))
    for registration in registrations:
        if registration.sae_id in known:
            yield dg.RunRequest(
                run_key=f"{registration.sae_id}@{context.scheduled_execution_time}", partition_key=registration.sae_id
            )


schedules = [nightly]
