"""The seam between work and whatever starts its processes: submit, look, listen, cancel.

A launcher knows nothing of what its processes do, and nobody believes it: whether the work is done, the store says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

USERS_ERROR = 3
"""Exit code of a process whose work cannot be done until a person mends something: it is not started again."""


class UnusableMachine(ValueError):
    """A machine card asks for what is not here. Install it, correct the card, or run without `--on`."""


@dataclass(frozen=True)
class Launch:
    """Processes that are to be started."""

    name: str
    """As a queue shows it."""
    world: int
    """How many processes."""
    gang: bool
    """Whether they talk to each other: then all run at once, or none."""
    arguments: tuple[str, ...]
    """Of the interpreter: a module and what it is told. Each process is told its rank besides."""
    environment: Mapping[str, str]
    folder: Path
    """Of scripts and logs: every process sees it under the same path, unless the launcher brings logs itself."""
    checkout: Path = field(default_factory=Path.cwd)
    """Where the processes are started, for the relative paths of cards."""

    @property
    def logs(self) -> Path:
        return self.folder / "logs"


class JobPhase(Enum):
    """What is known of a job."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Whoever runs it does not answer: it is asked again."""


@dataclass(frozen=True, slots=True)
class JobState:
    """A phase, and what the engine says of it."""

    phase: JobPhase
    said: str = ""

    @property
    def is_over(self) -> bool:
        return self.phase in (JobPhase.ENDED, JobPhase.FAILED)

    def __str__(self) -> str:
        return f"{self.phase.value}{f' ({self.said})' if self.said else ''}"


class Launcher(Protocol):
    """One engine, as one machine card sets it."""

    def check(self) -> None:
        """Raises UnusableMachine if it cannot be used from here: asked before anything is computed."""
        ...

    def submit(self, launch: Launch) -> str:
        """Starts the processes, or queues them; returns the job's name with the engine."""
        ...

    def state(self, job: str) -> JobState:
        """What became of a job, be it one that another process submitted; FAILED where nobody knows it."""
        ...

    def lines(self, launch: Launch, job: str) -> Iterator[tuple[str, str]]:
        """What the processes wrote since it was asked last: who, and the line."""
        ...

    def cancel(self, job: str) -> None:
        """Ends a job; nothing happens where it has ended."""
        ...
