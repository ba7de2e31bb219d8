"""The lock of a ledger: one process at a time, named to who waits, and gone with it however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage.process_lock import LockTimeout, process_lock

HOLDER = """
import os, sys, time
from storage.process_lock import process_lock
with process_lock(sys.argv[1], 0.0):
    child = os.fork()
    if child:
        print(child, flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holder(ledger: Path, seconds: float) -> subprocess.Popen[str]:
    """A process that holds a lock for so long; it forked another, which lives as long."""
    command = [sys.executable, "-c", HOLDER, str(ledger), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_a_process_that_is_killed_leaves_no_lock_even_where_one_that_it_forked_lives_on(tmp_path: Path):
    with holder(tmp_path, 600) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            busy = pytest.raises(LockTimeout, match=f"process {process.pid} has been at work")
            with busy, process_lock(str(tmp_path), 0.1):
                pass
            process.kill()
            assert process.wait() == -signal.SIGKILL
            os.kill(child, 0)
            with process_lock(str(tmp_path), 0.0):
                pass
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_lock_waits_for_who_holds_it(tmp_path: Path):
    with holder(tmp_path, 0.5) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with process_lock(str(tmp_path), 60.0):
            pass


def test_ledgers_at_other_places_are_held_apart(tmp_path: Path):
    with process_lock(str(tmp_path / "a"), 0.0), process_lock("s3://bucket/a", 0.0), process_lock("s3://bucket/b", 0.0):
        pass
