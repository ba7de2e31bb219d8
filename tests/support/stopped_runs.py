"""Runs in forks of one process that has everything loaded, stopped or refused the disk at a chosen change of the store.

Changes are what Python tells its audit hooks: names put in place, removed, folders made, files opened to write. What
libraries write by themselves they write under temporary names, which Python then puts in place.
"""

import faulthandler
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

import pytest

SUPPORT = Path(__file__).parent
PATIENCE = 300
"""Seconds after which a run is taken to hang."""
_NAMES = {"os.rename": 1, "os.remove": 0, "os.rmdir": 0, "os.mkdir": 0}
"""Changes of names, and which of their arguments is the place."""
Work = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Stop:
    """When a run gets a signal: before its n-th change of the store, or so many seconds later, whatever it does then.

    Time is counted from a change, so that a busy machine stops it no earlier.
    """

    given: signal.Signals = signal.SIGKILL
    change: int = 1
    later: float = 0.0


@dataclass(frozen=True, slots=True)
class BadDisk:
    """A disk that refuses the n-th change and all that follow, with an error of the system."""

    number: int
    change: int


@dataclass(frozen=True, slots=True)
class StoppedRun:
    """How a run ended, and what it changed below its folder, in order."""

    exit_code: int
    changes: tuple[tuple[str, str], ...]
    """Kind and path, relative to the folder."""
    said: str

    @property
    def placed(self) -> list[str]:
        """Files that were put in place, whole."""
        return [path for kind, path in self.changes if kind == "os.rename"]


@dataclass
class Run:
    """A run at work."""

    process: BaseProcess
    aside: tempfile.TemporaryDirectory = field(repr=False)

    def end(self, patience: float = PATIENCE) -> StoppedRun:
        """Waits for it."""
        self.process.join(patience)
        is_hung, place = self.process.is_alive(), Path(self.aside.name)
        if is_hung:
            os.kill(self.process.pid or 0, signal.SIGABRT)  # says where each thread stands
            self.process.join(10)
            self.process.kill()
            self.process.join()
        lines = (place / "changes").read_text().splitlines()
        said = (place / "said").read_text()
        self.aside.cleanup()
        assert not is_hung, f"a run hung: {said[-8000:]}"
        changes = tuple((kind, path) for kind, _, path in (line.partition("\t") for line in lines))
        return StoppedRun(self.process.exitcode or 0, changes, said)


@contextmanager
def forks_of(preload: str) -> Iterator[ForkServerContext]:
    """Processes that begin where the import of a module of `tests/support` has ended."""
    context, server = multiprocessing.get_context("forkserver"), cast(Any, forkserver)._forkserver
    with pytest.MonkeyPatch.context() as patch:
        path = os.pathsep.join([str(SUPPORT.parent.parent), str(SUPPORT)])  # the server knows no path of ours
        for name, value in {"GLASSHOUSE_WARM": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": path}.items():
            patch.setenv(name, value)
        server._stop()  # of another module
        context.set_forkserver_preload([preload])
        server.ensure_running()
    yield context
    server._stop()


def start(context: ForkServerContext, work: Work, root: Path, fault: Stop | BadDisk | None = None) -> Run:
    """Starts some work on a folder in a fork."""
    aside = tempfile.TemporaryDirectory()
    for name in ("changes", "said"):
        (Path(aside.name) / name).touch()
    process = context.Process(target=_work, args=(work, root, Path(aside.name), fault))
    process.start()
    return Run(process, aside)


def run_until(context: ForkServerContext, work: Work, root: Path, fault: Stop | BadDisk | None = None) -> StoppedRun:
    """Runs some work on a folder in a fork, with a fault or without; where nothing stops it, it ends by itself."""
    return start(context, work, root, fault).end()


def _work(work: Work, root: Path, aside: Path, fault: Stop | BadDisk | None) -> None:
    said = os.open(aside / "said", os.O_WRONLY | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    faulthandler.enable()
    _watch(root, aside / "changes", fault)
    work(root)


def _watch(root: Path, log: Path, fault: Stop | BadDisk | None) -> None:
    """Writes down every change below a folder before it is made; at the chosen one the fault begins."""
    base, lock, number = f"{root}/", threading.Lock(), 0
    out = os.open(log, os.O_WRONLY | os.O_APPEND)

    def heard(event: str, args: tuple) -> None:
        nonlocal number
        place = _place(event, args)
        if place is None or not place.startswith(base):
            return
        with lock:
            number += 1
            if isinstance(fault, Stop) and number == fault.change:
                if fault.later:
                    threading.Thread(target=_kill_later, args=(fault,), daemon=True).start()
                else:
                    os.kill(os.getpid(), fault.given)
            os.write(out, f"{event}\t{place.removeprefix(base)}\n".encode())
            if isinstance(fault, BadDisk) and number >= fault.change:
                raise OSError(fault.number, os.strerror(fault.number), place)

    sys.addaudithook(heard)


def _kill_later(fault: Stop) -> None:
    time.sleep(fault.later)
    os.kill(os.getpid(), fault.given)


def _place(event: str, args: tuple) -> str | None:
    if event in _NAMES:
        return os.fsdecode(args[_NAMES[event]])
    if event != "open" or isinstance(args[0], int) or not (args[2] or 0) & (os.O_WRONLY | os.O_RDWR):
        return None
    return os.fsdecode(args[0])
