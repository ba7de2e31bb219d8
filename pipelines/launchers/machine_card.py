"""Machine cards: where work runs that several processes share. A launcher is a file in `kinds`, with its own card."""

import importlib
import pkgutil
import re
import sys
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, field_validator

import pipelines.launchers.kinds
from models.bounds import Bounds
from models.config_base import Settings

if TYPE_CHECKING:
    from pipelines.launchers.launcher import Launcher

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def matching(pattern: str, wanted: str) -> AfterValidator:
    """Of a card's text: the whole of it fits a pattern, or the error says what was wanted."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"wanted {wanted}")
        return text

    return AfterValidator(check)


class MachineCard(Settings):
    """Where work runs that several processes share. The file's stem is the machine_id."""

    launcher: str = Field(examples=["local"])
    """Who starts the processes; each has fields of its own."""
    processes: Annotated[int, Bounds(1, 4096)] = 1
    """Processes on each node."""
    cpus: Annotated[int, Bounds(1, 1024)] = 1
    """Cores of each process, and its threads."""
    environment: dict[str, str] = Field(default={}, max_length=256)
    """Variables of the processes. Secrets belong elsewhere: what a card says is shown."""
    python: str | None = None
    """Interpreter on the nodes; null: the path of the one that launches."""
    store: str | None = None
    """The store's address as the nodes know it; null: as here."""
    registry: str | None = None
    """The registry's address as the nodes know it; null: as here."""
    work_folder: str | None = None
    """A folder that the nodes share, for scripts and logs; null: beside the store, if that is a folder."""
    restarts: Annotated[int, Bounds(0, 100)] = 2
    """How often processes that failed are started again, where the work went on meanwhile."""

    @classmethod
    def card_class(cls, values: dict[Any, Any]) -> "type[MachineCard]":
        """The card of the launcher that the values name."""
        return machine_kinds().get(str(values.get("launcher")), cls)

    @field_validator("launcher")
    @classmethod
    def _known(cls, launcher: str) -> str:
        if launcher not in machine_kinds():
            raise ValueError(f"there is no launcher {launcher!r}; there are {', '.join(machine_kinds())}")
        return launcher

    @field_validator("environment")
    @classmethod
    def _names(cls, environment: dict[str, str]) -> dict[str, str]:
        for name, value in environment.items():
            if not _VARIABLE.fullmatch(name) or "\n" in value or "\0" in value:
                raise ValueError(f"{name!r} cannot be set: wanted NAME: value, the value on one line")
        return environment

    @property
    def world(self) -> int:
        """Processes of all nodes."""
        return self.processes

    @property
    def interpreter(self) -> str:
        return self.python or sys.executable

    def threads(self) -> Mapping[str, str]:
        """Variables that keep a process to its cores."""
        return {"OMP_NUM_THREADS": str(self.cpus), "TOKENIZERS_PARALLELISM": "false"}

    def engine(self) -> "Launcher":
        """Who starts the processes, as the card says."""
        raise NotImplementedError(f"{type(self).__name__} starts nothing")


@cache
def machine_kinds() -> dict[str, type[MachineCard]]:
    """The card of every launcher, by its name: a new one is one more file.

    Raises:
        TypeError: If a file defines none or two.
    """
    kinds: dict[str, type[MachineCard]] = {}
    for name in sorted(each.name for each in pkgutil.iter_modules(pipelines.launchers.kinds.__path__)):
        module = importlib.import_module(f"pipelines.launchers.kinds.{name}")
        own = [value for value in vars(module).values() if isinstance(value, type)]
        cards = [each for each in own if issubclass(each, MachineCard) and each.__module__ == module.__name__]
        if len(cards) != 1:
            raise TypeError(f"{module.__name__} defines {len(cards)} machine cards: define one")
        kinds[name] = cards[0]
    return kinds
