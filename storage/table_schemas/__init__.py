"""Columns of the warehouse's tables as stages write them: one file per table, found by looking here.

A schema has the columns of a partition's Parquet files, in the order and with the types and nulls of `sql/schema`; the
columns that the partition's folder names (`model_id=…/recipe_id=…`) are not in the files.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def tables() -> list[str]:
    """Names of the tables that have a schema, sorted."""
    return list(_names())


@cache
def _names() -> tuple[str, ...]:
    """Looked for once: it takes 2 ms, and is asked for at each table that is written."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def table_schema(table: str) -> "pa.Schema":
    """The columns of one table.

    Raises:
        ValueError: If no file is named after the table.
    """
    if table not in _names():
        raise ValueError(
            f"no file storage/table_schemas/{table}.py: add it, or name one of the tables {', '.join(tables())}"
        )
    return import_module(f"{__name__}.{table}").SCHEMA


def rows_as_table(table: str, rows: "Iterable[Mapping[str, Any]]") -> "pa.Table":
    """Rows as the table's columns; a key that a row leaves out is null.

    Raises:
        ValueError: If a row has a key that is no column: Arrow would drop it without a word.
    """
    import pyarrow as pa

    schema, listed = table_schema(table), [dict(row) for row in rows]
    if unknown := sorted({key for row in listed for key in row} - set(schema.names)):
        raise ValueError(
            f"rows of {table} have {', '.join(unknown)}, which are no columns of it: add them to "
            f"storage/table_schemas/{table}.py and sql/schema/{table}.sql, or take them out of the rows"
        )
    return pa.Table.from_pylist(listed, schema=schema)
