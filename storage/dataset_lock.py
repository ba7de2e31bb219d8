"""Who makes a dataset on this machine: one process at a time; who comes second waits, and then finds it made.

Across machines the pools of Dagster see to it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from storage.folder import Folder
from storage.process_lock import process_lock
from storage.store_lock import lock_place

PURPOSE = "making"
PATIENCE_SECONDS = 7 * 86_400.0
"""How long one waits for another process that makes the same."""


@contextmanager
def sole_maker(*folders: Folder) -> Iterator[None]:
    """While the datasets of some folders are made; freed by the system however the process ends. Whoever makes several
    asks for all of them at once: they are taken in the same order by everybody, so that no two wait for each other.

    Raises:
        LockTimeout: If somebody else makes one of them for a week.
    """
    with ExitStack() as held:
        for _, url in sorted({(lock_place(folder.url, PURPOSE), folder.url) for folder in folders}):
            held.enter_context(process_lock(url, PATIENCE_SECONDS, PURPOSE))
        yield
