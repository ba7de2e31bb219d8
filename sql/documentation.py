"""docs/warehouse.md, written from the schema: `python -m sql.documentation > docs/warehouse.md`."""

import sys
from collections.abc import Iterator
from contextlib import closing

import duckdb
from duckdb import DuckDBPyConnection

from sql.catalog import table_layouts, table_names
from sql.references import derived_rules
from sql.sql_files import SQLFile, sql_files
from sql.views import define_views
from sql.warehouse import FEATURE_ACTIVATION, define

INTRODUCTION = """\
# The warehouse

Written from the schema by `python -m sql.documentation`; a test holds this page to it.

`glasshouse sql "select …"` asks the published file, and any DuckDB from 1.5 on opens it:
`duckdb -readonly data/warehouse.duckdb`, or in Python `duckdb.connect("data/warehouse.duckdb", read_only=True)`.
A connection keeps the file that it opened when a new one is published; in Python, close it to see the new one, or use
`sql.warehouse.connect`, which always opens the newest.

The Parquet tables in the store are the truth and the file is published from them: what is written into the file by hand
may be lost at any publication. Order of rows is never meaning. `sae_id` is `model_id/recipe_id`.
Activations are in the units of the site that is read.
"""


def documentation() -> str:
    """The page: every table, column, type and unit, then views, macros, functions, named questions and checks."""
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        return "\n".join(
            [INTRODUCTION, *_tables(con), *_views(con), *_macros(), *_functions(), *_questions(), *_checks(con)]
        )


def _tables(con: DuckDBPyConnection) -> Iterator[str]:
    yield "## Tables\n"
    titles = {text.name: text.title for text in sql_files("schema")}
    [codes] = [_remarks(text) for text in sql_files("external") if text.name == FEATURE_ACTIVATION]
    for table in sorted([*table_names(con), FEATURE_ACTIVATION]):
        what = codes if table == FEATURE_ACTIVATION else f"{titles[table]} {_comment(con, table)}."
        yield f"### `{table}`\n\n{what}\n"
        yield "| column | type | unit | meaning |\n|---|---|---|---|"
        yield from _rows(con, table)
        yield ""


def _comment(con: DuckDBPyConnection, table: str) -> str:
    [(comment,)] = con.execute("select comment from duckdb_tables() where table_name = $1", [table]).fetchall()
    return comment


def _rows(con: DuckDBPyConnection, table: str) -> Iterator[str]:
    rows = con.execute(
        "select column_name, data_type, comment from duckdb_columns() where table_name = $1 order by column_index",
        [table],
    ).fetchall()
    for column, type_, comment in rows:
        meaning, _, unit = comment.removesuffix("]").rpartition(" [")
        yield f"| `{column}` | {type_} | {unit} | {meaning} |"


def _views(con: DuckDBPyConnection) -> Iterator[str]:
    yield "## Views\n"
    for view in sql_files("views"):
        yield f"### `{view.name}`\n\n{_remarks(view)}\n"
        yield "| column | type | unit | meaning |\n|---|---|---|---|"
        yield from _rows(con, view.name)
        yield ""


def _macros() -> Iterator[str]:
    yield "## Macros\n"
    for macro in sql_files("macros"):
        signature = next(line for line in macro.sql.splitlines() if line.startswith("create macro"))
        yield f"### `from {signature.removeprefix('create macro ').removesuffix(' as table')}`\n\n{_remarks(macro)}\n"


def _functions() -> Iterator[str]:
    yield "## Functions\n"
    for function in sql_files("functions"):
        signature = next(line for line in function.sql.splitlines() if line.startswith("create macro"))
        yield f"### `{signature.removeprefix('create macro ').partition(' as')[0]}`\n\n{_remarks(function)}\n"


def _questions() -> Iterator[str]:
    yield "## Named questions\n\n`glasshouse sql NAME` asks one.\n\n| name | question |\n|---|---|"
    yield from (f"| `{question.name}` | {question.title} |" for question in sql_files("queries"))
    yield ""


def _checks(con: DuckDBPyConnection) -> Iterator[str]:
    yield "## What is checked\n\nBeside the ranges of columns (`sql/schema/`) and one row per grain:\n"
    yield from (
        f"- `{check.name}`: {check.title}" for check in (*sql_files("checks"), *derived_rules(table_layouts(con)))
    )
    yield ""


def _remarks(text: SQLFile) -> str:
    """The comment that a file begins with."""
    lines = text.sql.splitlines()
    head = lines[: next(place for place, line in enumerate(lines) if not line.startswith("--"))]
    return " ".join(line.removeprefix("--").strip() for line in head)


if __name__ == "__main__":
    sys.stdout.write(documentation())
