"""What steps are forked from may be forked: it runs no thread that a fork would lose, and holds no GPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.dagster_support.step_executor import PRELOADED, forking_executor
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
    brings, renew their threads at a fork."""
    told = subprocess.run(
        [sys.executable, "-c", LOOK, *PRELOADED],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(told.splitlines()[-1]) == [["jemalloc_bg_thd"], False, False]
