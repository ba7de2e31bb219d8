"""A run that waits for its place in a pool says for whom, lets the processor be, and does not wait for the dead."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import dagster as dg
import pytest
from pooled_job import ONE_EACH, job

from pipelines.dagster_support.orphaned_runs import TAG, process_tag
from pipelines.dagster_support.pool_wait import paused_waits, wait_listener


@pytest.fixture
def instance(tmp_path) -> Iterator[dg.DagsterInstance]:
    """One with files: in memory, steps ask for no place."""
    with dg.DagsterInstance.local_temp(str(tmp_path), ONE_EACH) as instance:
        yield instance


def test_ctrl_c_ends_the_wait_at_once(instance):
    holder = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    instance.event_log_storage.initialize_concurrency_limit_to_default("gpu")
    assert instance.event_log_storage.claim_concurrency_slot("gpu", holder.run_id, "harvested").is_claimed
    told = threading.Event()

    def tell(_: str) -> None:
        told.set()
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

    token = wait_listener.set(tell)
    began = time.monotonic()
    try:
        with paused_waits(instance):
            result = job.execute_in_process(instance=instance, raise_on_error=False)
    finally:
        wait_listener.reset(token)
    assert told.is_set()
    assert time.monotonic() - began < 10
    (failed,) = result.filter_events(lambda event: event.is_job_failure)
    assert "DagsterExecutionInterruptedError" in str(failed.job_failure_data.error)


def test_it_waits_quietly_for_a_living_run_and_goes_on_when_that_is_killed(instance):
    holder = subprocess.Popen(["sleep", "60"])
    host, _, _ = process_tag().rsplit(":", 2)
    with open(f"/proc/{holder.pid}/stat") as stat:
        began = stat.read().rpartition(")")[2].split()[19]
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": "a-model/b"})
    instance.add_run_tags(run.run_id, {TAG: f"{run.run_id} {host}:{holder.pid}:{began}"})
    instance.event_log_storage.initialize_concurrency_limit_to_default("gpu")
    assert instance.event_log_storage.claim_concurrency_slot("gpu", run.run_id, "harvested").is_claimed

    def end() -> None:
        holder.kill()
        holder.wait()

    told: list[str] = []
    token = wait_listener.set(told.append)
    killer = threading.Timer(1.5, end)
    clock, processor = time.monotonic(), time.thread_time()
    try:
        with paused_waits(instance):
            killer.start()
            assert job.execute_in_process(instance=instance).success
        clock, processor = time.monotonic() - clock, time.thread_time() - processor
    finally:
        wait_listener.reset(token)
        killer.cancel()
        end()
    assert clock > 1.5
    assert processor < 0.5 * clock
    (sentence,) = told
    assert sentence.startswith(
        f"work waits for a place in the pool gpu: harvested of a-model/b, run {run.run_id[:8]}, has it."
    )
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
