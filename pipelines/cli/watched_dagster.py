"""`dagster dev`, watched: however it ends, nothing that it has started goes on.

Killed alone (SIGKILL), it would leave its web server at the port and its daemon at work; the next one would be a second
daemon over the same records.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

GRACE_SECONDS = 30
"""For what ends by itself when `dagster dev` was asked to end."""
_SUBREAPER, _DEATH_SIGNAL = 36, 1
"""Numbers of `prctl`: orphans of what this process has started become its children; a child hears of its death."""


def run_watched(command: Sequence[str]) -> int:
    """Runs a command to its end, then ends what it has left; returns its exit code.

    The command and its children are a process group, and get what a terminal sends all of a group: Ctrl-C, once,
    whether a terminal or `kill -INT` gave it to this process. Where a script started this in the background, SIGINT was
    ignored, and is heard again.
    """
    _prctl(_SUBREAPER, 1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # else the child would ignore it too
    child = subprocess.Popen(command, preexec_fn=_hear_of_death, process_group=0)
    signal.signal(signal.SIGINT, lambda number, _: _send_to_all(child.pid, number))
    for given in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(given, lambda number, _: child.send_signal(number))
    code = child.wait()
    until = time.monotonic() + (0 if code == -signal.SIGKILL else GRACE_SECONDS)
    while left := _children():
        if time.monotonic() >= until:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    return code


def _send_to_all(group: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _hear_of_death() -> None:
    """What was ignored where this was started would be ignored by the child too."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _prctl(_DEATH_SIGNAL, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    """Of Linux alone; elsewhere a killed `dagster dev` leaves what it leaves."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _children() -> list[int]:
    """Living ones, orphans among them; those that have ended are let go."""
    place = Path(f"/proc/self/task/{os.getpid()}/children")
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return [int(pid) for pid in place.read_text().split()] if place.exists() else []
        except ChildProcessError:
            return []


if __name__ == "__main__":
    ended = run_watched([sys.executable, "-m", "dagster", "dev", *sys.argv[1:]])
    sys.exit(ended if ended >= 0 else 128 - ended)
