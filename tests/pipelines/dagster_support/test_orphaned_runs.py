"""A run whose process was killed gives back its place in the pools; one that still runs keeps it."""

import os
import subprocess

import dagster as dg
import pytest
from pooled_job import ONE_EACH, job

from pipelines.dagster_support.orphaned_runs import TAG, fail_orphaned_runs, process_tag, worker_tags


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.ephemeral(settings=ONE_EACH) as instance:
        yield instance


def started(instance: dg.DagsterInstance, process: str, run_id: str | None = None) -> str:
    """A run that a process carries out; it says so of another run where that is given."""
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    instance.add_run_tags(run.run_id, {TAG: f"{run_id or run.run_id} {process}"})
    instance.event_log_storage.initialize_concurrency_limit_to_default("gpu")
    return run.run_id


def gone() -> str:
    """The name of a process that has ended."""
    child = subprocess.Popen(["sleep", "60"])
    host, _, _ = process_tag().rsplit(":", 2)
    child.kill()
    child.wait()
    return f"{host}:{child.pid}:1"


def test_a_killed_run_is_ended_and_its_place_is_free(instance):
    run_id = started(instance, gone())
    assert instance.event_log_storage.claim_concurrency_slot("gpu", run_id, "work").is_claimed
    assert fail_orphaned_runs(instance) == [run_id]

    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE
    assert instance.event_log_storage.claim_concurrency_slot("gpu", "another", "work").is_claimed


@pytest.mark.parametrize("process", [process_tag(), "elsewhere:1:1"], ids=["this process", "another machine"])
def test_a_run_that_may_be_alive_is_left_alone(instance, process):
    run_id = started(instance, process)
    assert fail_orphaned_runs(instance) == []
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.STARTED


def test_a_number_that_is_used_again_is_another_process(instance):
    host, pid, start = process_tag().rsplit(":", 2)
    assert pid == str(os.getpid())
    run_id = started(instance, f"{host}:{pid}:{int(start) - 1}")
    assert fail_orphaned_runs(instance) == [run_id]


def test_a_run_that_repeats_a_killed_one_has_its_tags_and_is_left_alone(instance):
    first = started(instance, gone())
    assert fail_orphaned_runs(instance) == [first]
    again = started(instance, gone(), first)
    assert fail_orphaned_runs(instance) == []
    instance.add_run_tags(again, worker_tags(again))
    assert fail_orphaned_runs(instance) == []
