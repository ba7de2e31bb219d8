"""Signs of life: each process of a launch writes a small file every few seconds, so that the others know it is there.

A process that was stopped, or whose node is gone, falls silent; one that ends removes its file. Ages are by the clocks
of those who write and read: they may differ by some seconds, which SILENT allows for.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from storage.folder import Folder

EVERY = 5.0
"""Seconds between two signs."""
DOUBTFUL = 12.0
"""Seconds without a sign after which it is not clear whether a process is lost."""
SILENT = 45.0
"""Seconds without a sign after which a process is taken for lost: others do its work, which does no harm if it comes
back."""


def _name(rank: int) -> str:
    return f"alive-{rank}"


@contextmanager
def beating(folder: Folder, rank: int, every: float = EVERY) -> Iterator[None]:
    """Gives signs of life while the block lasts."""
    left = threading.Event()

    def beat() -> None:
        while True:
            folder.write_bytes(_name(rank), b"")
            if left.wait(every):
                return

    thread = threading.Thread(target=beat, name="signs-of-life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()
        folder.remove(_name(rank))


def silences(folder: Folder, world: int) -> dict[int, float | None]:
    """Seconds since each process gave a sign of life; None for one that has not begun, or has ended."""
    there = set(folder.names())
    return {rank: _age(folder, rank) if _name(rank) in there else None for rank in range(world)}


def forget(folder: Folder) -> None:
    """Removes signs of processes that are gone."""
    for name in folder.names():
        if name.startswith("alive-"):
            folder.remove(name)


def _age(folder: Folder, rank: int) -> float | None:
    try:
        return folder.age(_name(rank))
    except FileNotFoundError:
        return None
