"""Processes of this machine, started and watched by the one that asks; they end when it does."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

from pipelines.launchers.launcher import JobPhase, JobState, Launch
from pipelines.launchers.log_files import LogFiles
from pipelines.launchers.machine_card import MachineCard

GRACE = 5.0
"""Seconds between asking a process to end and ending it."""


class LocalMachine(MachineCard):
    """Processes on this machine, one for each GPU or some on its cores."""

    launcher: Literal["local"] = "local"

    def engine(self) -> "LocalLauncher":
        return LocalLauncher(self)


@dataclass
class LocalLauncher:
    """Every rank is a child of this process, with its own log."""

    card: MachineCard
    _jobs: dict[str, list[subprocess.Popen[bytes]]] = field(default_factory=dict)
    _logs: LogFiles = field(default_factory=LogFiles)

    def check(self) -> None:
        """A machine can always start processes of its own."""

    def submit(self, launch: Launch) -> str:
        launch.logs.mkdir(parents=True, exist_ok=True)
        self._logs.skip(launch.logs)
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
        ranks = [self._started(launch, rank, meeting) for rank in range(launch.world)]
        job = f"{socket.gethostname()}-{os.getpid()}-{ranks[0].pid}"
        self._jobs[job] = ranks
        return job

    def _started(self, launch: Launch, rank: int, meeting: dict[str, str]) -> subprocess.Popen[bytes]:
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(launch.world)}
        command = [self.card.interpreter, *launch.arguments, "--end-with", str(os.getpid())]
        with (launch.logs / f"job-{rank}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=launch.checkout,
                env=os.environ | dict(launch.environment) | meeting | own,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def state(self, job: str) -> JobState:
        ranks = self._jobs.get(job)
        if ranks is None:
            return JobState(JobPhase.FAILED, "it was of a process that is gone")
        codes = [rank.poll() for rank in ranks]
        failed = [f"rank {number} {_ending(code)}" for number, code in enumerate(codes) if code]
        if None in codes:
            return JobState(JobPhase.RUNNING, "; ".join(failed))
        return JobState(JobPhase.FAILED if failed else JobPhase.ENDED, "; ".join(failed))

    def lines(self, launch: Launch, job: str) -> Iterator[tuple[str, str]]:
        return self._logs.lines(launch.logs)

    def cancel(self, job: str) -> None:
        ranks = self._jobs.get(job, [])
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for rank in ranks:
                if rank.poll() is None:
                    rank.send_signal(sign)
                    rank.send_signal(signal.SIGCONT)
            until = time.monotonic() + GRACE
            while any(rank.poll() is None for rank in ranks) and time.monotonic() < until:
                time.sleep(0.02)


def free_port() -> int:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
