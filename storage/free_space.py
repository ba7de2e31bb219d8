"""What a disk must hold, compared with its free space before anything is computed."""

import shutil
from pathlib import Path

from storage.folder import Folder
from storage.unwritable import Unwritable

SPARED = 2**28
"""Bytes that are left to others: logs, Dagster's records, tables of a few rows."""


def require_free(place: Path, n_bytes: int, what: str) -> None:
    """Refuses what a local disk cannot hold.

    Args:
        place: Where it is to be written; it need not exist yet.
        n_bytes: How many.
        what: A noun phrase: what they are.

    Raises:
        Unwritable: If there is too little room: what is needed, and what is free.
    """
    there = next(each for each in (place.absolute(), *place.absolute().parents) if each.exists())
    free = shutil.disk_usage(there).free
    if n_bytes + SPARED > free:
        raise Unwritable(
            f"{what} needs {gigabytes(n_bytes)}, and {gigabytes(SPARED)} are left to others, but {there} has "
            f"{gigabytes(free)} free: nothing was begun. Make room there (glasshouse gc shows what nothing needs), or "
            "set GLASSHOUSE_HOME or GLASSHOUSE_WAREHOUSE to a larger disk, and run again"
        )


def require_room(folder: Folder, n_bytes: int, what: str) -> None:
    """The same of a folder of the store; an object store has no end that could be asked for."""
    if folder.is_local:
        require_free(Path(folder.path), n_bytes, what)


def gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:,.2f} GB"
