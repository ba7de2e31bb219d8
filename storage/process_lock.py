"""One process at a time writes to a ledger, on one machine; across machines the pool `llm` sees to it."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


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
    try:
        held = FileLock(place, timeout=patience, fallback_to_soft=False).acquire()  # a soft lock outlives who held it
    except Timeout:
        raise LockTimeout(
            f"process {place.read_text() or '(unknown)'} has asked with the ledger {url} for more than "
            f"{patience:.0f} s: let it end, or end it, and materialize again"
        ) from None
    with held:
        place.write_text(str(os.getpid()))
        yield
