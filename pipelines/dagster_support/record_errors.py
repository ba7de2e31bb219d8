"""Dagster's own records that cannot be kept, as a sentence: its database raises errors of no common kind."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_DATABASES = ("sqlalchemy", "sqlite3", "alembic")


class UnusableRecords(OSError):
    """Dagster's records cannot be read or written. Make room, mend their rights, or move them away."""


@contextmanager
def record_errors() -> Iterator[None]:
    """Turns what the database of `DAGSTER_HOME` raises into an error of the user's world.

    Raises:
        UnusableRecords: In its place.
    """
    try:
        yield
    except Exception as error:
        if type(error).__module__.split(".")[0] not in _DATABASES:
            raise
        home = os.environ.get("DAGSTER_HOME", ".dagster")
        raise UnusableRecords(
            f"Dagster's records in {home} cannot be used ({str(error).splitlines()[0]}): make room on the disk, make "
            "the folder writable or, if they are damaged, move it away; what the store holds is not computed again"
        ) from error
