"""The file that was published before the published one, kept to grow the next from: bringing it up to date costs what
changed since, and a copy of the published one costs all of it.

It is nobody's to read: it has no name that anybody opens. Who had it open when it was the published one reads on in it,
and as long as anybody does it is left alone.
"""

import fcntl
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from storage.free_space import require_free

LARGE = 256 * 2**20
"""Bytes from which a file is worth keeping twice: a smaller one is copied and hashed in less than a second."""


def spare_place(published: Path) -> Path:
    return published.parent / f".{published.name}.spare"


def take_spare(published: Path, file: Path) -> bool:
    """Moves the spare file to where the next one grows; False where there is none, or somebody has it open.

    Whoever takes it and is killed leaves none: the next publisher copies.
    """
    spare = spare_place(published)
    if not spare.exists():
        return False
    if not (_is_large(published) and _is_free(spare)):
        spare.unlink()
        return False
    spare.replace(file)
    return True


def require_room(published: Path) -> None:
    """Raises Unwritable, before anything is copied, if the disk has no room for a second file beside the published."""
    require_free(published.parent, published.stat().st_size, f"a new {published.name} beside the published one")


def keep_as_spare(published: Path, aside: Path) -> Path | None:
    """Gives the published file a second name, before another takes its first: what `settle_spare` is then told."""
    with suppress(OSError):  # not every file system has hard links
        if _is_large(published):
            link = aside / "spare"
            os.link(published, link)
            return link
    return None


def settle_spare(link: Path | None, published: Path) -> None:
    """Puts it where the next publisher looks."""
    if link is not None:
        link.replace(spare_place(published))


def _is_large(published: Path) -> bool:
    return published.exists() and published.stat().st_size >= LARGE


def _is_free(file: Path) -> bool:
    """Whether nobody at all has it open, here or in another process: the system gives a lease of it only then. False
    where it gives none: not on Linux, or on a disk that other machines share.

    Locks of files, as DuckDB takes them, do not tell: a process that closes one of two connections gives up the lock of
    both.
    """
    if sys.platform != "linux":
        return False
    descriptor = os.open(file, os.O_RDWR)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)  # who opened it now would end this process by SIGIO
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
