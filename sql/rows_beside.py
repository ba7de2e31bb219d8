"""Rows that are in no store, asked by the queries of the warehouse as if they were published."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from duckdb import DuckDBPyConnection

from sql.catalog import quoted
from sql.warehouse import connect

if TYPE_CHECKING:
    import pyarrow as pa


def rows_beside(published: Path, tables: "Mapping[str, pa.Table]", keys: Mapping[str, str]) -> DuckDBPyConnection:
    """A connection to a published file in which some tables are replaced by others, held in memory.

    Views of the file, such as `feature_card`, still read the file's own tables.

    Args:
        published: The file.
        tables: Rows by the name of the table that they stand for, as a store's partition would hold them.
        keys: What the partition's folder would say: columns that the rows lack.

    Raises:
        ValueError: As `connect`.
    """
    con = connect(published)
    constants = "".join(f"${name}::varchar as {quoted(name)}, " for name in keys)
    for name, rows in tables.items():
        con.execute(f"create temp table {quoted(name)} as from warehouse.{quoted(name)} limit 0")
        con.register("rows_given", rows)
        con.execute(f"insert into temp.{quoted(name)} by name select {constants}* from rows_given", dict(keys))
        con.unregister("rows_given")
    return con
