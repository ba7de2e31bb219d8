"""Rows of the warehouse, taken from a partition of the store."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager

import duckdb
from duckdb import DuckDBPyConnection

from sql.catalog import TableLayout, quoted
from sql.stored_partitions import Partition, StoredTables


def remove(con: DuckDBPyConnection, table: str, keys: dict[str, str]) -> None:
    """Deletes the rows of one partition."""
    where = " and ".join(f"{quoted(key)} = ${key}" for key in keys)
    con.execute(f"delete from {quoted(table)} where {where}", keys)


def load(con: DuckDBPyConnection, stored: StoredTables, partition: Partition, layout: TableLayout) -> None:
    """Inserts the rows of one partition, sorted by feature and grain, so that a lookup reads one stretch of the file.

    Raises:
        BadPartition: If files, columns, rows or values are not what manifest and schema say.
    """
    with stored.verified(partition) as paths, _errors_name_partition(partition, paths):
        _check_columns(con, partition, paths, layout.columns)
        _check_rows(con, partition, paths)
        if paths:
            sort = [name for name in ("feature_id", *layout.grain) if name in layout.columns]
            con.execute(_insert(partition, sort), partition.keys | {"paths": paths})


@contextmanager
def _errors_name_partition(partition: Partition, paths: list[str]) -> Iterator[None]:
    """What DuckDB refuses is the partition's fault, but for what is the disk's or the memory's."""
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error as error:
        names, message = ", ".join(file.name for file in partition.files), str(error).strip().splitlines()[0]
        raise partition.fault(f"{names} cannot be loaded, for {message}{_first_offender(message, paths)}") from error


def _first_offender(message: str, paths: list[str]) -> str:
    """The first row that breaks the check which DuckDB names."""
    check = re.search(r"expression CHECK\((.+)\)$", message)
    if not check:
        return ""
    with closing(duckdb.connect()) as con:
        try:
            result = con.execute(f"from read_parquet($1, union_by_name = true) where not ({check[1]}) limit 1", [paths])
        except duckdb.Error:  # the check names a column that is not in the files
            return ""
        names, rows = [column[0] for column in result.description], result.fetchall()
    cells = [f"{name} = {value!r}" for row in rows for name, value in zip(names, row, strict=True)]
    return f" (first in the row {', '.join(cells)})"[:1000] if cells else ""


def _check_columns(
    con: DuckDBPyConnection, partition: Partition, paths: list[str], table_columns: dict[str, bool]
) -> None:
    """A column that may be null may be absent; nothing else may."""
    keys = partition.keys
    for path, file in zip(paths, partition.files, strict=True):
        rows = con.execute("describe select * from read_parquet($1, hive_partitioning = false)", [path]).fetchall()
        file_columns = [row[0] for row in rows]
        missing = [
            name
            for name, nullable in table_columns.items()
            if not nullable and name not in file_columns and name not in keys
        ]
        unknown = [name for name in (*keys, *file_columns) if name not in table_columns] + [
            name for name in file_columns if name in keys
        ]
        if missing or unknown:
            raise partition.fault(
                f"{file.name} has columns {', '.join(file_columns)}; "
                f"missing: {', '.join(missing) or 'none'}; not wanted: {', '.join(unknown) or 'none'}"
            )


def _check_rows(con: DuckDBPyConnection, partition: Partition, paths: list[str]) -> None:
    for path, file in zip(paths, partition.files, strict=True):
        [(rows,)] = con.execute("select num_rows from parquet_file_metadata($1)", [path]).fetchall()
        if rows != file.rows:
            raise partition.fault(f"{file.name} has {rows:,} rows, its manifest says {file.rows:,}")


def _insert(partition: Partition, sort: list[str]) -> str:
    """The statement that inserts $paths; the values of the partition's keys are parameters too."""
    keys = "".join(f"${key}::varchar as {quoted(key)}, " for key in partition.keys)
    return (
        f"insert into {quoted(partition.table)} by name "
        f"select {keys}* from read_parquet($paths, hive_partitioning = false, union_by_name = true) "
        f"order by {', '.join(map(quoted, dict.fromkeys(sort)))}"
    )
