"""What a stage gives a process of a launch to do: units that all share, or one thing that they do together."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import pipelines.launches.stages
from pipelines.launches.launch_order import LaunchOrder
from pipelines.launches.shared_units import SharedWork
from pipelines.store.open_store import OpenStore

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class GangWork:
    """Work that all processes do together, talking to each other."""

    run: Callable[[int, int], None]
    """Told the rank and the number of processes."""


class LaunchStage(Protocol):
    """A module of `pipelines.launches.stages`."""

    def work(self, store: OpenStore, order: LaunchOrder, tell: Tell) -> "SharedWork | GangWork":
        """What a process does.

        Args:
            tell: Takes a line of progress, such as `tokens 4096 of 16384`.

        Raises:
            ValueError: If the cards are no longer those that the order was made from.
        """
        ...


class ChangedCards(ValueError):
    """The cards changed since the launch. Run again: what is still right is kept."""


@cache
def launch_stages() -> dict[str, LaunchStage]:
    """Every stage that processes can share, by its name: a new one is one more file."""
    names = sorted(each.name for each in pkgutil.iter_modules(pipelines.launches.stages.__path__))
    return {name: importlib.import_module(f"pipelines.launches.stages.{name}") for name in names}  # type: ignore[misc]


def require_identity(order: LaunchOrder, name: str, found: object) -> None:
    """Raises ChangedCards if something is to be made of other things than the order says."""
    if order.identities[name] != found:
        raise ChangedCards(
            f"{name}: the cards, or what is made of them, changed since {order.launch_id} was launched: run again"
        )
