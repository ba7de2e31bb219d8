"""Comments of view columns: a column that a view passes on from a table means what it means there."""

import re
from collections.abc import Iterator

from duckdb import DuckDBPyConnection

from sql.catalog import columns, literal, quoted
from sql.sql_files import SQLFile

_SOURCE = re.compile(r"^(?:from|left join|inner join) (\w+)(?: as (\w+))?\b", re.MULTILINE)
_PASSED_ON = re.compile(r"^ +(?:(\w+)\.)?(\w+),?$", re.MULTILINE)


def comment_columns_passed_on(con: DuckDBPyConnection, view: SQLFile) -> None:
    """Gives every column that a view's last select takes from a table as it is, by its own name, the comment that the
    table gives it; other columns have theirs in the view's file."""
    for table, column in _passed_on(con, view):
        [(comment,)] = con.execute(
            "select comment from duckdb_columns() where table_name = $1 and column_name = $2", [table, column]
        ).fetchall()
        con.execute(f"comment on column {quoted(view.name)}.{quoted(column)} is {literal(comment)}")


def _passed_on(con: DuckDBPyConnection, view: SQLFile) -> Iterator[tuple[str, str]]:
    last = view.sql[view.sql.rindex("\nselect") :]
    tables = {name for (name,) in con.execute("select table_name from duckdb_tables() where not internal").fetchall()}
    sources = {alias or name: name for name, alias in _SOURCE.findall(last) if name in tables}
    for source, column in _PASSED_ON.findall(last):
        table = sources.get(source) if source else next(iter(sources.values()), None)
        if table and column in columns(con, table):
            yield table, column
