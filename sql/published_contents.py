"""What a published file says that it holds, partition by partition, and what it holds."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from sql.catalog import quoted
from sql.stored_partitions import keys_of
from sql.warehouse import connect


@dataclass(frozen=True, slots=True)
class PublishedRows:
    """A partition as it was loaded, and its rows as they are counted now."""

    table: str
    partition: str
    identity_sha256: str
    content_sha256: str
    n_loaded: int
    n_there: int


def published_rows(published: Path) -> list[PublishedRows]:
    """Every partition of a published file.

    Raises:
        ValueError: If it cannot be opened.
        duckdb.Error: If a part of it cannot be read.
    """
    with closing(connect(published)) as con:
        recorded = con.execute(
            "select table_name, partition, identity_sha256, content_sha256, n_rows from _partition order by all"
        ).fetchall()
        counted = {place: n for table in {row[0] for row in recorded} for place, n in _counted(con, table, recorded)}
    return [PublishedRows(*row, n_there=counted.get((row[0], row[1]), 0)) for row in recorded]


def _counted(con: DuckDBPyConnection, table: str, recorded: list[tuple]) -> Iterator[tuple[tuple[str, str], int]]:
    """Rows of each partition of a table, by what its name says."""
    places = {tuple(keys_of(name).values()): name for of, name, *_ in recorded if of == table}
    keys = ", ".join(map(quoted, keys_of(next(iter(places.values())))))
    for *values, n in con.execute(f"select {keys}, count(*) from {quoted(table)} group by {keys}").fetchall():
        yield (table, places.get(tuple(values), "/".join(map(str, values)))), n
