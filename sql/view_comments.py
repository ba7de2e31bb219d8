"""Comments of view columns: a column that a view passes on from a table means what it means there."""

import re
from collections.abc import Iterator

from duckdb import DuckDBPyConnection

from sql.catalog import literal, quoted
from sql.sql_files import SQLFile

_SOURCE = re.compile(r"^(?:from|left join|inner join) (\w+)(?: as (\w+))?\b", re.MULTILINE)
_PASSED_ON = re.compile(r"^ +(?:(\w+)\.)?(\w+),?$", re.MULTILINE)


def comment_columns_passed_on(con: DuckDBPyConnection, view: SQLFile, comments: dict[str, dict[str, str]]) -> None:
    """Gives every column that a view's last select takes from a table as it is, by its own name, the comment that the
    table gives it (`sql.catalog.column_comments`); other columns have theirs in the view's file."""
    for column, comment in _passed_on(view, comments):
        con.execute(f"comment on column {quoted(view.name)}.{quoted(column)} is {literal(comment)}")


def _passed_on(view: SQLFile, comments: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    last = view.sql[view.sql.rindex("\nselect") :]
    sources = {alias or name: name for name, alias in _SOURCE.findall(last) if name in comments}
    for source, column in _PASSED_ON.findall(last):
        table = sources.get(source) if source else next(iter(sources.values()), None)
        if table and column in comments[table]:
            yield column, comments[table][column]
