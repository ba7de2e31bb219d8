"""Units of work that processes share: each does its own, then those of processes that are lost or have not begun.

Unit i belongs to process i mod W. A unit done twice is the same file twice, so that nobody has to be asked, and no
claim can outlive who made it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from pipelines.launches.rank_beats import SILENT

Report = Callable[[int, int], None]
Silences = Callable[[], Mapping[int, float | None]]


class SharedWork(Protocol):
    """Work in units that any process may do, in any order."""

    @property
    def n_units(self) -> int: ...

    def is_done(self, unit: int) -> bool:
        """Whether it need not be done; asked again just before it would be."""
        ...

    def do(self, unit: int, report: Report) -> None:
        """Does one unit, and says how far it is within."""
        ...


def do_share(
    work: SharedWork,
    rank: int,
    world: int,
    silences: Silences,
    report: Callable[[int, float], None] = lambda unit, part: None,
) -> list[int]:
    """Does the units of one process, then what others leave undone.

    Args:
        silences: Seconds since each process gave a sign of life; None for one that has not begun, or has ended.
        report: Told of a unit and the part of it that is done.

    Returns:
        The units that were done.
    """
    done = []
    for unit in _in_turn(work.n_units, rank, world, silences):
        if work.is_done(unit):
            continue
        work.do(unit, lambda part, whole, unit=unit: report(unit, part / max(whole, 1)))
        report(unit, 1.0)
        done.append(unit)
    return done


def _in_turn(n_units: int, rank: int, world: int, silences: Silences) -> Iterator[int]:
    """Its own units; then the others', from the end, each only where its owner is silent at that moment."""
    yield from range(rank, n_units, world)
    others = [unit for unit in reversed(range(n_units)) if unit % world != rank]
    first = rank * len(others) // world  # each begins elsewhere
    for unit in others[first:] + others[:first]:
        silence = silences().get(unit % world)
        if silence is None or silence > SILENT:
            yield unit
