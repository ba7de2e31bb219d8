"""What a command has started ends with it, whether the command, or who watches it, is killed or asked to end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMMAND = """
import os, subprocess, sys, time
children = [subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(2)]
print(os.getpid(), *[child.pid for child in children], flush=True)
time.sleep(600)
"""
WATCHED = """
import sys
from pipelines.cli import watched_dagster
watched_dagster.GRACE_SECONDS = 0.2
sys.exit(watched_dagster.run_watched(sys.argv[1:]) % 256)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is of Linux")
@pytest.mark.parametrize("given", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("to", ["command", "watcher"])
def test_nothing_outlives_a_command_that_was_killed(to: str, given: signal.Signals):
    watching = [sys.executable, "-c", WATCHED]
    watcher = subprocess.Popen(
        [*watching, sys.executable, "-c", COMMAND],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGTERM, signal.SIG_IGN
        ),  # as Dagster leaves it where SIGINT is ignored
    )
    assert watcher.stdout is not None
    command, *others = map(int, watcher.stdout.readline().split())
    try:
        os.kill(command if to == "command" else watcher.pid, given)
        code = watcher.wait(30)
        until = time.monotonic() + 10
        while alive(command) or (any(map(alive, others)) and (to, given) != ("watcher", signal.SIGKILL)):
            assert time.monotonic() < until, "a process outlives the command"
            time.sleep(0.05)
        assert code == (-given if to == "watcher" and given == signal.SIGKILL else -given % 256)
    finally:
        watcher.stdout.close()
        for pid in filter(alive, others):
            os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
