"""A partition that a publication could not take in, and goes on without: said in the file itself."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from sql.stored_partitions import BadPartition, keys_of
from sql.warehouse import connect


@dataclass(frozen=True, slots=True)
class LeftOutPartition:
    """Which partition, what was found in it, and what makes it again."""

    table: str
    partition: str
    found: str
    remedy: str

    @classmethod
    def of(cls, error: BadPartition) -> "LeftOutPartition":
        return cls(error.table, error.partition, error.found, error.remedy)

    @property
    def place(self) -> tuple[str, str]:
        return self.table, self.partition

    def __str__(self) -> str:
        return f"left out: {self.found}: {self.remedy}"


def write_left_out(con: DuckDBPyConnection, left_out: Iterable[LeftOutPartition]) -> None:
    """The rows of `_left_out`: those of this publication and no others."""
    con.execute("delete from _left_out")
    for each in left_out:
        keys = keys_of(each.partition)
        row = [each.table, each.partition, *(keys.get(key) for key in ("model_id", "recipe_id", "experiment_id"))]
        con.execute("insert into _left_out values ($1, $2, $3, $4, $5, $6, $7)", [*row, each.found, each.remedy])


def recorded_left_out(published: Path) -> dict[tuple[str, str], LeftOutPartition]:
    """What the last publication went on without, by table and partition; raises as `connect`."""
    with closing(connect(published)) as con:
        rows = con.execute("select table_name, partition, reason, remedy from _left_out").fetchall()
    return {(table, partition): LeftOutPartition(table, partition, *said) for table, partition, *said in rows}
