"""Who works with a store on this machine: any number that write datasets, or one that deletes.

Across machines nobody is held back: what deletes there leaves alone whatever was written in the last hour.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StoreInUse(ValueError):
    """Somebody is writing to the store. Let the run end, or end it, and say it again."""


@contextmanager
def shared_use(url: str) -> Iterator[None]:
    """While datasets are written: waits for who deletes; freed by the system however the process ends."""
    with lock_place(url, "use").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def sole_use(url: str) -> Iterator[None]:
    """While datasets are deleted.

    Raises:
        StoreInUse: If anybody is at work with the store.
    """
    with lock_place(url, "use").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreInUse(
                f"a run is at work with {url} on this machine: nothing was deleted. Let it end, or end it, and say it "
                "again"
            ) from None
        yield


def lock_place(url: str, purpose: str) -> Path:
    """The file on this machine by which processes that have to do with a path or URL know of each other."""
    name = url if "://" in url else str(Path(url).resolve())
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"glasshouse-{digest}-{os.getuid()}.{purpose}"
