"""What a disk refuses, as a sentence: it is full, broken, read-only or somebody else's."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

_UNWRITABLE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EIO),
}


class Unwritable(OSError):
    """The store takes no more: it is full, broken, read-only or not ours. Make room or mend it, and run again."""


def _error_number(error: Exception) -> int:
    """The system's number of an error, be it only in the text of a library that is not Python's; 0 for none."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    named = re.search(r"\(os error (\d+)\)|\[errno (\d+)\]", str(error), re.IGNORECASE)
    return int(named[1] or named[2]) if named else 0


@contextmanager
def refusals(place: str) -> Iterator[None]:
    """Turns what a disk says that takes no change into a sentence."""
    try:
        yield
    except Exception as error:
        number = _error_number(error)
        if number not in _UNWRITABLE or isinstance(error, Unwritable):
            raise
        raise Unwritable(
            f"{place} could not be written ({os.strerror(number)}): what was there stays, nothing half-written is "
            "left. Make room, mend the disk, or make the folder writable, and run again: it goes on from there"
        ) from error
