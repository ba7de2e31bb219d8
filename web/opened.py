"""The published file as the pages read it: the newest one at each request, asked through cursors of its own."""

from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

from sql.warehouse import connect, schema_sha256
from web.query import Query, Values

KEPT_ANSWERS = 512
"""Answers that an opened file remembers: those of some fifty pages."""


class Unreadable(ValueError):
    """There is no warehouse that these pages can read. Materialize `warehouse`."""


class Opened:
    """One published file. It never changes while it is open, so an answer that was given lately is given again."""

    def __init__(self, file: Path) -> None:
        self.stamp = stamp(file)
        try:
            self._con = connect(file)
        except ValueError as error:
            raise Unreadable(str(error)) from error
        [(found, self.published_at)] = self._fetched("select schema_sha256, published_at from _publication", {})[1]
        if found != schema_sha256():
            raise Unreadable(
                f"{file} was published with schema {found[:12]}, and these pages read schema {schema_sha256()[:12]}: "
                "materialize `warehouse` again (glasshouse run), which rebuilds it from the store"
            )
        self._kept = lru_cache(KEPT_ANSWERS)(lambda query, given: self._rows(query, dict(given)))

    def ask(self, query: Query, values: Values) -> list[SimpleNamespace]:
        """The rows of the answer, a name for each column."""
        return self._kept(query, tuple(query.given(values).items()))

    def _rows(self, query: Query, given: dict[str, Any]) -> list[SimpleNamespace]:
        names, rows = self._fetched(query.sql, given)
        return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in rows]

    def _fetched(self, sql: str, given: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """A cursor a question: requests are answered in several threads."""
        with self._con.cursor() as cursor:
            cursor.execute("use warehouse")
            answer = cursor.execute(sql, given)
            return [column[0] for column in answer.description], answer.fetchall()


class Newest:
    """Hands out the file as published last; an older one is closed after its last reader."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._turn = Lock()
        self._opened: Opened | None = None

    def get(self) -> Opened:
        """The file as it is now.

        Raises:
            Unreadable: If there is no file, it is no warehouse, or it has another schema.
        """
        with self._turn:
            if self._opened is None or self._opened.stamp != stamp(self.file):
                self._opened = Opened(self.file)
            return self._opened


def stamp(file: Path) -> tuple[int, int, int] | None:
    """Tells a published file from the next: it is replaced as a whole, never written in place."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
