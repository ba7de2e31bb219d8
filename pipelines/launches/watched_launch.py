"""A launch from order to end: submit or find the job, listen, and believe the store, not the engine.

Whoever waits may be killed: the job's name lies beside the order, and the next to ask for the same work finds it and
waits on. Whoever stops waiting otherwise, by an error or a signal, ends the job.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pipelines.launchers.launcher import JobPhase, JobState, Launch, Launcher, UnusableMachine
from pipelines.launchers.machine_card import MachineCard
from pipelines.launches.launch_order import LaunchOrder
from pipelines.launches.rank import ERROR, PROGRESS
from pipelines.launches.rank_beats import SILENT, forget, silences
from pipelines.store.open_store import OpenStore
from storage.folder import Folder

JOB = "job.json"
POLL = 1.0
LOOKED_AT_EVERY = 15.0
"""Seconds after which the store is looked at although the job goes on."""
LOST = 3 * SILENT
"""Seconds after which a job is given up whose processes are all silent."""
LAST_LINES = 5


class LaunchFailed(RuntimeError):
    """The processes ended and the work is not done. Run again: what was made is kept."""


class Listener(Protocol):
    """Who hears what the processes say."""

    def line(self, text: str, process: str = "") -> None:
        """A line for the log; `process` names the one that said it, such as rank-3."""
        ...

    def progress(self, parts: dict[str, str]) -> None:
        """What each process last said of its progress, by its name."""
        ...


@dataclass
class WatchedLaunch:
    """One piece of work, on one machine."""

    store: OpenStore
    machine_id: str
    card: MachineCard
    order: LaunchOrder
    gang: bool
    listener: Listener
    module: str = "pipelines.launches.rank"
    _said: dict[str, str] = field(default_factory=dict)
    _last: list[str] = field(default_factory=list)
    _silent: set[int] = field(default_factory=set)

    @property
    def folder(self) -> Folder:
        return self.order.folder(self.store.layout)

    def run(self, is_done: Callable[[], bool], n_done: Callable[[], int] = lambda: 0) -> None:
        """Until the work is done.

        Args:
            is_done: Whether it is, by what lies in the store.
            n_done: How much of it is: a failed job is started again if this has grown.

        Raises:
            LaunchFailed: If the processes end and it is not, after the card's restarts.
            ValueError: What a process says that only a person can mend.
        """
        engine = self.card.engine()
        self.order.write(self.store.layout)
        for name in self.folder.names():
            if name.startswith(f"{ERROR}-"):
                self.folder.remove(name)
        before, attempt, job = n_done(), 0, self._found(engine)
        while True:
            launch = self._launch(attempt)
            if job is None:
                forget(self.folder)
                job = engine.submit(launch)
                self.folder.write_bytes(JOB, json.dumps({"machine": self.machine_id, "job": job}).encode())
                self.listener.line(f"{self.machine_id}: launched {launch.world} processes as job {job}")
            with _ended_with_us(engine, job):
                state = self._wait(engine, launch, job, is_done)
            self.folder.remove(JOB)
            if is_done():
                return
            self._raise_users_error()
            now = n_done()
            if attempt >= self.card.restarts or (attempt and now <= before):
                raise LaunchFailed(self._failure(launch, job, state))
            self.listener.line(f"job {job} {state} and the work is not done: it is launched again")
            before, attempt, job = now, attempt + 1, None

    def _found(self, engine: Launcher) -> str | None:
        """The job of somebody who asked for the same and is gone."""
        if not self.folder.exists(JOB):
            return None
        known = json.loads(self.folder.read_bytes(JOB))
        if known["machine"] != self.machine_id or engine.state(known["job"]).is_over:
            return None
        self.listener.line(f"{self.machine_id}: job {known['job']} does this already: waiting for it")
        return str(known["job"])

    def _launch(self, attempt: int) -> Launch:
        home, registry = self.store.layout.root, self.store.registry_folder
        own = {
            "GLASSHOUSE_HOME": self.card.store or _absolute(home),
            "GLASSHOUSE_REGISTRY": self.card.registry or _absolute(registry),
            "PYTHONUNBUFFERED": "1",
        }
        for name in ("HF_HUB_OFFLINE", "HF_HOME", "PYTHONPATH"):
            if name in os.environ:
                own[name] = os.environ[name]
        work = work_folder(self.store, self.machine_id, self.card) / self.order.launch_id
        logs = ("--write-to", str(work / "logs")) if self.card.launcher != "k8s" else ()
        return Launch(
            name=f"glasshouse-{self.order.launch_id}{f'-{self.order.reading}' if self.order.reading else ''}-{attempt}",
            world=self.order.world,
            gang=self.gang,
            arguments=("-m", self.module, self.order.launch_id, *logs),
            environment=own | dict(self.card.threads()) | dict(self.card.environment),
            folder=work,
        )

    def _wait(self, engine: Launcher, launch: Launch, job: str, is_done: Callable[[], bool]) -> JobState:
        before, looked = None, time.monotonic()
        while True:
            state = engine.state(job)
            self._hear(engine, launch, job)
            if before != (state.phase, state.said):
                before = state.phase, state.said
                self.listener.line(f"job {job} is {state}")
            if state.is_over:
                return state
            if time.monotonic() - looked >= LOOKED_AT_EVERY:
                looked = time.monotonic()
                self._name_the_silent(state)
                if is_done():
                    self.listener.line(f"all is made: job {job} is ended, whatever its processes still do")
                    return state
                if self._all_are_lost(state):
                    return JobState(JobPhase.FAILED, "no process that is left gives a sign of life")
            time.sleep(POLL)

    def _hear(self, engine: Launcher, launch: Launch, job: str) -> None:
        for who, line in engine.lines(launch, job):
            if line.startswith(PROGRESS):
                self._said[who] = line.removeprefix(PROGRESS)
                self.listener.progress(dict(self._said))
            else:
                self._last = [*self._last, f"{who}: {line}"][-LAST_LINES:]
                self.listener.line(f"{who}: {line}", who)

    def _name_the_silent(self, state: JobState) -> None:
        if state.phase is not JobPhase.RUNNING:
            return
        for rank, silence in silences(self.folder, self.order.world).items():
            if silence is not None and silence > SILENT and rank not in self._silent:
                self._silent.add(rank)
                others = "all wait for it" if self.gang else "the others do its work"
                self.listener.line(f"rank {rank} gave no sign of life for {silence:.0f} s: {others}", f"rank-{rank}")
            elif silence is None or silence <= SILENT:
                if rank in self._silent:
                    self.listener.line(f"rank {rank} is heard of again", f"rank-{rank}")
                self._silent.discard(rank)

    def _all_are_lost(self, state: JobState) -> bool:
        """Whether every process that has not ended is silent, and has been for long."""
        heard = [age for age in silences(self.folder, self.order.world).values() if age is not None]
        return state.phase is JobPhase.RUNNING and bool(heard) and min(heard) > LOST

    def _raise_users_error(self) -> None:
        """What a process said that only a person can mend."""
        for name in self.folder.names():
            if name.startswith(f"{ERROR}-"):
                found = json.loads(self.folder.read_bytes(name))
                raise ValueError(f"rank {found['rank']} on {self.machine_id}: {found['said']}")

    def _failure(self, launch: Launch, job: str, state: JobState) -> str:
        last = "".join(f"\n  {line}" for line in self._last)
        return (
            f"job {job} on {self.machine_id} {state}, and {self.order.launch_id} is not done: its logs are in "
            f"{launch.logs}; run again, and it goes on from what was made{last}"
        )


def work_folder(store: OpenStore, machine_id: str, card: MachineCard) -> Path:
    """Where scripts and logs of launches lie.

    Raises:
        UnusableMachine: If the store is no folder, and the card names none.
    """
    if card.work_folder is not None:
        return Path(card.work_folder).absolute()
    home = store.layout.root
    if home.is_local:
        return Path(home.path).absolute() / "launches"
    if card.launcher == "k8s":
        return Path(".")
    raise UnusableMachine(
        f"machine {machine_id}: the store {home} is no folder, and logs need one that the nodes share: give work_folder"
    )


def _absolute(folder: Folder) -> str:
    return str(Path(folder.path).absolute()) if folder.is_local else folder.url


@contextmanager
def _ended_with_us(engine: Launcher, job: str) -> Iterator[None]:
    """Ends the job when the block is left, by whatever way: SIGTERM counts as one, where nobody else handles it."""
    before = None
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        engine.cancel(job)
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: object) -> None:
    raise SystemExit(128 + number)
