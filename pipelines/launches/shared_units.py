"""Units of work that processes share: each does its own, then those of processes that are lost or have not begun.

Unit i belongs to process i mod W. A unit done twice is the same file twice, so that nobody has to be asked, and no
claim can outlive who made it.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from pipelines.launches.rank_beats import DOUBTFUL, SILENT

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
    wait: Callable[[], None] = lambda: time.sleep(1.0),
) -> list[int]:
    """Does the units of one process, then what others leave undone.

    Args:
        silences: Seconds since each process gave a sign of life; None for one that has not begun, or has ended.
        report: Told of a unit and the part of it that is done.
        wait: Called while it is not clear whether a process is lost.

    Returns:
        The units that were done.
    """
    done = []
    for unit in _in_turn(work, rank, world, silences, wait):
        work.do(unit, lambda part, whole, unit=unit: report(unit, part / max(whole, 1)))
        report(unit, 1.0)
        done.append(unit)
    return done


def _in_turn(work: SharedWork, rank: int, world: int, silences: Silences, wait: Callable[[], None]) -> Iterator[int]:
    """Its own units that are not done; then the others', from the end, each once its owner is lost. Ends when all
    owners of what is left are heard of."""
    yield from (unit for unit in range(rank, work.n_units, world) if not work.is_done(unit))
    others = [unit for unit in reversed(range(work.n_units)) if unit % world != rank]
    first = rank * len(others) // world  # each begins elsewhere
    left = others[first:] + others[:first]
    while left := [unit for unit in left if not work.is_done(unit)]:
        heard = silences()
        owners = {unit: heard.get(unit % world) for unit in left}
        lost = next((unit for unit, silence in owners.items() if silence is None or silence > SILENT), None)
        if lost is not None:
            yield lost
        elif any(silence is not None and silence > DOUBTFUL for silence in owners.values()):
            wait()
        else:
            return
