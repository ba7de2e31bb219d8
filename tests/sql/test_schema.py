"""Every .sql file runs on an empty warehouse, and every column says what it is and in which unit."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from duckdb import DuckDBPyConnection

import sql
from sql.catalog import table_layouts, table_names
from sql.consistency import inspect
from sql.documentation import documentation
from sql.sql_files import sql_files
from sql.views import define_views
from sql.warehouse import define

FOLDERS = ("schema", "views", "macros", "functions", "queries", "checks", "derived", "external", "recomputed")
TABLES = [text.name for text in sql_files("schema")]


@pytest.fixture(scope="module")
def empty() -> Iterator[DuckDBPyConnection]:
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        yield con


def test_no_sql_file_lies_outside_the_folders_that_are_run():
    home = Path(sql.__file__).parent
    assert {file.relative_to(home).parts[0] for file in home.rglob("*.sql")} == set(FOLDERS)


@pytest.mark.parametrize("text", [pytest.param(t, id=f"{f}/{t.name}") for f in FOLDERS for t in sql_files(f)])
def test_every_file_has_a_title_that_is_a_sentence(text):
    assert text.sql.startswith("-- "), "the first line is the comment that says what it is"
    assert text.title[0].isupper()
    assert text.title[-1] in ".?", text.title


@pytest.mark.parametrize("folder", ["queries", "checks"])
def test_questions_and_checks_answer_nothing_about_nothing(empty: DuckDBPyConnection, folder: str):
    for text in sql_files(folder):
        assert empty.execute(text.sql).fetchall() == [], text.name
    assert inspect(empty) == []


def test_views_and_macros_are_empty_when_the_tables_are(empty: DuckDBPyConnection):
    for view in sql_files("views"):
        assert empty.execute(f"from {view.name}").fetchall() == [], view.name
    assert empty.execute("from feature_activation").fetchall() == []
    assert empty.execute("from find_features('x')").fetchall() == []
    assert empty.execute("from feature_examples('a', 'b', 0)").fetchall() == []


def test_every_column_of_a_view_says_what_it_means(empty: DuckDBPyConnection):
    silent = empty.execute(
        "select table_name, column_name from duckdb_columns() inner join duckdb_views() on view_name = table_name "
        "where not duckdb_views.internal and duckdb_columns.comment is null"
    ).fetchall()
    assert silent == [], "comment the column in the view's file"


def test_a_column_that_a_view_computes_means_what_its_file_says_and_one_that_it_passes_on_what_the_table_says(
    empty: DuckDBPyConnection,
):
    def meaning(relation: str, column: str) -> str:
        [(comment,)] = empty.execute(
            "select comment from duckdb_columns() where table_name = $1 and column_name = $2", [relation, column]
        ).fetchall()
        return comment

    assert meaning("feature_card", "density") == meaning("feature", "density")
    assert meaning("feature_card", "label") == meaning("_feature_summary", "label")
    assert "Features whose density" in meaning("density_histogram", "n"), "not the firings of activation_histogram"
    assert "held-out" in meaning("sae_pareto", "fvu"), "not the batch's of sae_training"


def test_what_is_derived_from_nothing_is_nothing(empty: DuckDBPyConnection):
    empty.execute("create temp table touched (model_id varchar, recipe_id varchar)")
    for text in sql_files("derived"):
        empty.execute(text.sql)
    assert empty.execute("from _feature_summary").fetchall() == []


@pytest.mark.parametrize("table", TABLES)
def test_every_column_has_a_meaning_and_a_unit(empty: DuckDBPyConnection, table: str):
    rows = empty.execute("select column_name, comment from duckdb_columns() where table_name = $1", [table]).fetchall()
    without = [
        column
        for column, comment in rows
        if not re.fullmatch(r"[^\[\]]*[^\[\]\s](\][^\[\]]*)? \[[^\[\]]+\]", comment or "")
    ]
    assert not without, f"sql/schema/{table}.sql: end the comment with a unit in brackets: {without}"


def test_every_table_names_its_grain(empty: DuckDBPyConnection):
    for table in TABLES:
        grain = empty.execute("select comment from duckdb_tables() where table_name = $1", [table]).fetchall()[0][0]
        named = re.match(r"One row per \(([^)]+)\): ", grain)
        assert named, f"{table}: {grain}"
        empty.execute(f"select {named[1]} from {table}")


def test_a_file_defines_the_table_that_it_is_named_after_and_no_other(empty: DuckDBPyConnection):
    assert table_names(empty, internal=True) == sorted(TABLES)


def test_what_a_table_refers_to_is_there_with_those_columns(empty: DuckDBPyConnection):
    layouts = table_layouts(empty)
    for layout in layouts.values():
        for reference in layout.references:
            assert set(reference.columns) <= layout.columns.keys() & layouts[reference.to].columns.keys(), reference


def test_the_page_about_the_warehouse_is_what_the_schema_says():
    page = Path(sql.__file__).parent.parent / "docs" / "warehouse.md"
    assert page.read_text() == documentation(), "run `python -m sql.documentation > docs/warehouse.md`"
