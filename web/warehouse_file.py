"""The published file as the pages read it: the newest one at each request, asked through a connection per thread."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Condition, Lock, local
from types import SimpleNamespace
from typing import Any

from cachetools import LRUCache, cached

from sql.warehouse import connect, schema_sha256
from web.query_files import Query, Values, queries

AT_ONCE = os.cpu_count() or 1
"""Questions that are answered at once: DuckDB plans and reads without Python's lock, and more than there are processors
would only take turns."""
FEATURE_ANSWERS = 512
"""Answers about features, texts and pages that an opened file remembers: those of some forty pages."""
DICTIONARY_ANSWERS = 1024
"""Answers about whole dictionaries that it remembers: a feature's page shows two, and they read a whole table."""
MEMORY, MEMORY_RETIRED = "384MB", "128MB"
"""What DuckDB may hold of the file, and of one that another has replaced; the system's own cache holds the rest."""


class Unreadable(ValueError):
    """There is no warehouse that these pages can read. Materialize `published_warehouse`."""


class WarehouseSnapshot:
    """One published file. It never changes while it is open, so an answer that was given lately is given again."""

    def __init__(self, file: Path) -> None:
        self.stamp = stamp(file)
        try:
            self._con = connect(file)
        except ValueError as error:
            raise Unreadable(str(error)) from error
        self._con.execute(f"set memory_limit = '{MEMORY}'")
        self._con.execute("set threads = 1")  # who asks works: sharing a millisecond's work costs a third of it
        cursors = _Cursors(self._con)
        [(schema, self.published_at)] = cursors.fetch("select schema_sha256, published_at from _publication", {})[1]
        if schema != schema_sha256():
            raise Unreadable(
                f"{file} was published with schema {schema[:12]}, and these pages read schema {schema_sha256()[:12]}: "
                "run `glasshouse publish`, or materialize `published_warehouse`: it rebuilds the file from the store"
            )
        self._empty_tables = _empty_tables(cursors)
        self._columns = cursors.columns
        self._feature_rows = cached(LRUCache(FEATURE_ANSWERS), condition=Condition())(cursors.rows)
        self._dictionary_rows = cached(LRUCache(DICTIONARY_ANSWERS), condition=Condition())(cursors.rows)

    def ask(self, query: Query, values: Values) -> list[SimpleNamespace]:
        """The rows of the answer, a name for each column; who asks for one that is being found waits for it. A list
        among the values must be a tuple. Planning a query costs more than its answer: of an empty table none is made.
        """
        if query.nothing_without in self._empty_tables:
            return []
        rows = self._dictionary_rows if query.is_dictionary_level else self._feature_rows
        return rows(query, tuple(query.bind(values).items()))

    def ask_together(self, questions: Iterable[tuple[Query, Values]]) -> list[list[SimpleNamespace]]:
        """The answers of several questions, found together; `ask` then has them too."""
        return list(_helpers().map(lambda question: self.ask(*question), questions))

    def columns(self, query: Query, values: Values) -> dict[str, Any]:
        """The columns of an answer as arrays: for answers of a million rows, which are not remembered."""
        return self._columns(query.sql, query.bind(values))

    def release_memory(self) -> None:
        """Gives memory back: another file takes this one's place, and only answers under way are still made from it."""
        with self._con.cursor() as cursor:
            cursor.execute(f"set memory_limit = '{MEMORY_RETIRED}'")


class _Cursors:
    """Each thread that answers requests has a connection of its own, and keeps it."""

    def __init__(self, con: Any) -> None:
        self._con, self._of_thread = con, local()

    def rows(self, query: Query, bound: tuple[tuple[str, Any], ...]) -> list[SimpleNamespace]:
        parameters = {name: list(value) if isinstance(value, tuple) else value for name, value in bound}
        names, rows = self.fetch(query.sql, parameters)
        return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in rows]

    def columns(self, sql: str, parameters: dict[str, Any]) -> dict[str, Any]:
        return self._execute(sql, parameters).fetchnumpy()

    def fetch(self, sql: str, parameters: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        answer = self._execute(sql, parameters)
        return [column[0] for column in answer.description], answer.fetchall()

    def _execute(self, sql: str, parameters: dict[str, Any]) -> Any:
        if not hasattr(self._of_thread, "cursor"):
            self._of_thread.cursor = self._con.cursor()
            self._of_thread.cursor.execute("use warehouse")
        return self._of_thread.cursor.execute(sql, parameters)


def _empty_tables(cursors: _Cursors) -> set[str]:
    """Those without which some query answers nothing, and that have no row in this file."""
    named = sorted({query.nothing_without for query in queries().values() if query.nothing_without})
    counts = ", ".join(f"exists (from {table}) as {table}" for table in named)
    names, [row] = cursors.fetch(f"select {counts}", {})
    return {name for name, is_filled in zip(names, row, strict=True) if not is_filled}


class LatestWarehouse:
    """Hands out the file as published last; an older one is closed after its last reader."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._turn = Lock()
        self._snapshot: WarehouseSnapshot | None = None

    def get(self) -> WarehouseSnapshot:
        """The file as it is now.

        Raises:
            Unreadable: If there is no file, it is no warehouse, or it has another schema.
        """
        with self._turn:
            if self._snapshot is None or self._snapshot.stamp != stamp(self.file):
                before, self._snapshot = self._snapshot, WarehouseSnapshot(self.file)
                if before is not None:
                    before.release_memory()
            return self._snapshot


@cache
def _helpers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="asks")


def stamp(file: Path) -> tuple[int, int, int] | None:
    """Tells a published file from the next: it is replaced as a whole, never written in place."""
    try:
        stat = file.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
