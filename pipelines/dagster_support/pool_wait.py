"""A run in this process that waits for its place in a pool: with pauses, saying for whom, and not for the dead."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._utils.interrupts import raise_interrupts_as  # pyright: ignore[reportPrivateImportUsage]

from pipelines.dagster_support.orphaned_runs import fail_orphaned_runs

PAUSE_SECONDS = 1.0

wait_listener: ContextVar[Callable[[str], None] | None] = ContextVar("wait", default=None)
"""Where a terminal wants to hear for whom a run waits; set by the command line around an in-process run."""


@contextmanager
def paused_waits(instance: dg.DagsterInstance) -> Iterator[None]:
    """While it lasts, a step that finds its pool full looks again every second, and Ctrl-C ends its wait.

    Dagster 1.13 lets an in-process run ask without pause: the interval is the least of 0 and the times at which to ask
    again, so it takes a whole core from the run that it waits for. It says nothing either, and waits forever for a
    place of a process that was killed meanwhile.
    """
    theirs = InstanceConcurrencyContext.interval_to_next_pending_claim_check
    told: set[str] = set()

    def pause(self: InstanceConcurrencyContext) -> float:
        for sentence in set(_waits(instance, self.pending_claim_steps())) - told:
            told.add(sentence)
            if tell := wait_listener.get():
                tell(sentence)
        fail_orphaned_runs(instance)
        with raise_interrupts_as(DagsterExecutionInterruptedError):
            time.sleep(PAUSE_SECONDS)
        return 0.0

    InstanceConcurrencyContext.interval_to_next_pending_claim_check = pause
    try:
        yield
    finally:
        InstanceConcurrencyContext.interval_to_next_pending_claim_check = theirs


def _waits(instance: dg.DagsterInstance, steps: list[str]) -> Iterator[str]:
    """A sentence for each run that holds a place which one of our steps waits for."""
    storage = instance.event_log_storage
    for pool in storage.get_concurrency_keys():
        places = storage.get_concurrency_info(pool)
        waiting = [pending.step_key for pending in places.pending_steps if pending.step_key in steps]
        for held in places.claimed_slots if waiting else ():
            run = instance.get_run_by_id(held.run_id)
            partition = run and run.tags.get("dagster/partition")
            whose = f"{held.step_key}{f' of {partition}' if partition else ''}, run {held.run_id[:8]}"
            yield (
                f"{waiting[0]} waits for a place in the pool {pool}: {whose}, has "
                f"{'it' if places.slot_count == 1 else 'one of them'}. `dagster instance concurrency set {pool} "
                f"{places.slot_count + 1}` lets one more in, where the memory is enough for both"
            )
