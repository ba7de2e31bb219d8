"""Who makes a dataset on this machine: one process at a time; who comes second waits, and then finds it made.

Across machines the pools of Dagster see to it.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from storage.folder import Folder
from storage.store_lock import lock_place


@contextmanager
def sole_maker(folder: Folder) -> Iterator[None]:
    """While a folder's dataset is made; freed by the system however the process ends."""
    with lock_place(folder.url, "making").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
