"""One process at a time writes to a ledger, on one machine; across machines the pool `llm` sees to it."""

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class LockTimeout(ValueError):
    """Another process asks with the same ledger, and went on for too long. Let it end, or end it, and run again."""


@contextmanager
def process_lock(url: str, patience: float) -> Iterator[None]:
    """Holds the ledger at a path or URL; freed by the system however the process ends.

    Raises:
        LockTimeout: If somebody else holds it for longer than `patience` seconds.
    """
    name = url if "://" in url else str(Path(url).resolve())
    place = (
        Path(tempfile.gettempdir()) / f"glasshouse-{hashlib.sha256(name.encode()).hexdigest()[:16]}-{os.getuid()}.lock"
    )
    with place.open("a+") as file:
        until = time.monotonic() + patience
        while not _taken(file.fileno()):
            if time.monotonic() > until:
                file.seek(0)
                raise LockTimeout(
                    f"process {file.read() or '(unknown)'} has asked with the ledger {url} for more than "
                    f"{patience:.0f} s: let it end, or end it, and materialize again"
                )
            time.sleep(0.05)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _taken(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
