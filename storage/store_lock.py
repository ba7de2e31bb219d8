"""Who works with a store on this machine: any number that write datasets, or one that deletes.

Across machines nobody is held back: what deletes there leaves alone whatever was written in the last hour.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path


class StoreInUse(ValueError):
    """Somebody is writing to the store. Let the run end, or end it, and say it again."""


@contextmanager
def shared_use(url: str) -> Iterator[None]:
    """While datasets are written: waits for who deletes; freed by the system however the process ends."""
    with _locked(lock_place(url, "use"), fcntl.LOCK_SH):
        yield


@contextmanager
def sole_use(url: str) -> Iterator[None]:
    """While datasets are deleted.

    Raises:
        StoreInUse: If anybody is at work with the store.
    """
    with ExitStack() as held:
        try:
            held.enter_context(_locked(lock_place(url, "use"), fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            raise StoreInUse(
                f"a run is at work with {url} on this machine: nothing was deleted. Let it end, or end it, and say it "
                "again"
            ) from None
        yield


@contextmanager
def _locked(place: Path, kind: int) -> Iterator[None]:
    with ExitStack() as opened:
        file = opened.enter_context(place.open("a"))
        fcntl.flock(file, kind)
        while os.fstat(file.fileno()).st_nlink == 0:  # who held it last has removed it
            opened.close()
            file = opened.enter_context(place.open("a"))
            fcntl.flock(file, kind)
        with removed_afterwards(place, partial(fcntl.flock, file, fcntl.LOCK_EX | fcntl.LOCK_NB)):
            yield


@contextmanager
def removed_afterwards(place: Path, become_sole_holder: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Takes the name of a held lock from its file at the end, so that nothing stays in the temporary folder.

    Whoever waited then holds a file without a name, and has to take the next. A process that was forked in between
    holds nothing and removes nothing; who shares the lock with others leaves it to the last.
    """
    holder = os.getpid()
    try:
        yield
    finally:
        if os.getpid() == holder:
            with suppress(BlockingIOError):
                become_sole_holder()
                place.unlink(missing_ok=True)


def lock_place(url: str, purpose: str) -> Path:
    """The file on this machine by which processes that have to do with a path or URL know of each other."""
    name = url if "://" in url else str(Path(url).resolve())
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"glasshouse-{digest}-{os.getuid()}.{purpose}"
