"""What steps are forked from may be forked: it runs no thread that a fork would lose, and holds no GPU."""

import json
import os
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import dagster as dg
import pytest
from killed_step import killed_step

from pipelines.dagster_support.orphaned_runs import TAG, process_tag
from pipelines.dagster_support.step_executor import PRELOADED, crash_sentence, forking_executor
from pipelines.definitions import defs

ROOT = Path(__file__).resolve().parents[3]
LOOK = """
import importlib, json, os, sys
from pathlib import Path
for name in sys.argv[1:]:
    importlib.import_module(name)
import torch
others = [task for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid())]
names = [(task / "comm").read_text().strip() for task in others]
print(json.dumps([sorted(set(names)), "polars" in sys.modules, torch.cuda.is_initialized()]))
"""


def test_every_job_starts_its_steps_so():
    assert all(job.executor_def is forking_executor for job in defs.resolve_all_job_defs())


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads of all libraries are counted by /proc")
def test_what_steps_are_forked_from_has_no_thread_that_a_fork_loses():
    """A lock that another thread held at the fork would stay locked in every step. OpenBLAS and jemalloc, which Arrow
    brings, renew their threads at a fork; DuckDB 1.5 waits in one for work of a database that no step uses."""
    told = subprocess.run(
        [sys.executable, "-c", LOOK, *PRELOADED],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    of_duckdb = ["python"] if version("duckdb").startswith("1.") else []
    assert json.loads(told.splitlines()[-1]) == [["jemalloc_bg_thd", *of_duckdb], False, False]


def test_a_step_whose_process_was_killed_says_so_in_one_sentence(tmp_path: Path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        ran = dg.execute_job(dg.reconstructable(killed_step), instance, run_config=quiet)
        assert not ran.success
        [failure] = [event for event in ran.all_events if event.is_step_failure]
        error = failure.step_failure_data.error
        assert error is not None
        said = r"the process of second was killed \(SIGKILL\): most often for want of memory\. .*docs/limits\.md"
        assert re.match(said, error.message), error.message
        assert (error.stack, error.cause) == ([], None)
        run = instance.get_run_by_id(ran.run_id)
        assert run is not None
        assert run.tags[TAG] == f"{run.run_id} {process_tag()}"


def test_a_step_that_crashed_otherwise_is_not_said_to_want_memory():
    for code, how in ((-signal.SIGSEGV, "SIGSEGV"), (3, "exit code 3")):
        assert crash_sentence("sae", code).startswith(f"the process of sae crashed ({how})")
