"""What one process at a time does on one machine: it writes to a ledger, or makes a dataset.

Across machines the pools of Dagster see to it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from storage.store_lock import lock_place, removed_afterwards


class LockTimeout(ValueError):
    """Another process is at work on the same, and went on for too long. Let it end, or end it, and run again."""


@contextmanager
def process_lock(url: str, patience: float, purpose: str = "lock") -> Iterator[None]:
    """Holds the ledger or dataset at a path or URL; freed by the system however the process ends.

    Raises:
        LockTimeout: If somebody else holds it for longer than `patience` seconds.
    """
    place = lock_place(url, purpose)
    try:
        held = FileLock(place, timeout=patience, fallback_to_soft=False).acquire()  # a soft lock outlives who held it
    except Timeout:
        raise LockTimeout(
            f"process {_holder(place)} has been at work on {url} for more than "
            f"{patience:.0f} s: let it end, or end it, and materialize again"
        ) from None
    with held, removed_afterwards(place):  # filelock keeps no file without a name
        place.write_text(str(os.getpid()))
        yield


def _holder(place: Path) -> str:
    with suppress(FileNotFoundError):  # it ended in this moment
        return place.read_text() or "(unknown)"
    return "(ended)"
