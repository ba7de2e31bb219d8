"""A query that names a table without which it answers nothing: true of each, and not asked while the table is empty."""

import shutil
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from sql.warehouse import connect
from web import warehouse_file as module
from web.query_files import Query, queries
from web.warehouse_file import WarehouseSnapshot

VALUES = {"model_id": "demo", "recipe_id": "mid", "feature_id": 0}
NAMING = {name: query for name, query in queries().items() if query.nothing_without}


def emptied(warehouse: Path, copy: Path, table: str) -> Path:
    """A copy of a published file without the rows of a table."""
    shutil.copy(warehouse, copy)
    with closing(duckdb.connect(str(copy))) as con:
        con.execute(f"delete from {table}")
    return copy


@pytest.mark.parametrize("query", NAMING.values(), ids=NAMING)
def test_without_its_table_a_query_answers_nothing(warehouse: Path, tmp_path: Path, query: Query):
    assert query.nothing_without
    file = emptied(warehouse, tmp_path / "warehouse.duckdb", query.nothing_without)
    with closing(connect(file)) as con:
        con.execute("use warehouse")
        assert con.execute(query.sql, query.bind(VALUES)).fetchall() == []


def test_what_has_rows_is_asked_and_what_has_none_is_not(
    warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rating, filled = queries()["example_ratings"], WarehouseSnapshot(warehouse)
    feature = next(n for n in range(64) if filled.ask(rating, VALUES | {"feature_id": n}))
    snapshot = WarehouseSnapshot(emptied(warehouse, tmp_path / "warehouse.duckdb", "specificity"))
    monkeypatch.setattr(module._Cursors, "fetch", lambda *_: pytest.fail("an empty table was asked"))
    assert snapshot.ask(rating, VALUES | {"feature_id": feature}) == []
