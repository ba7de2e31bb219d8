"""The hash of a table sees every change of content and none of order or clock."""

from collections.abc import Iterator
from contextlib import closing

import duckdb
import pytest
from duckdb import DuckDBPyConnection

from sql.views import define_views
from sql.warehouse import define
from tests.support.table_hashes import table_hashes

ROWS = [("demo", "mid", step, 100 * step, 1.0, 0.5, 4.0, None, 0.0, 1e-3, 10.0) for step in range(3)]


@pytest.fixture(scope="module")
def con() -> Iterator[DuckDBPyConnection]:
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        yield con


def hashed(con: DuckDBPyConnection, rows: list[tuple]) -> str:
    con.execute("delete from sae_training")
    con.executemany(f"insert into sae_training values ({', '.join('?' * 11)})", [list(row) for row in rows])
    return table_hashes(con)["sae_training"]


def test_order_and_speed_do_not_count(con: DuckDBPyConnection):
    faster = [(*row[:-1], 99.0) for row in ROWS]
    assert hashed(con, ROWS) == hashed(con, ROWS[::-1]) == hashed(con, faster)


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[:2],
        [*ROWS, ROWS[0]],
        [*ROWS[:2], (*ROWS[2][:4], 1.0000000000000002, *ROWS[2][5:])],
        [*ROWS[:2], (*ROWS[2][:7], 0.0, *ROWS[2][8:])],
    ],
    ids=["a row less", "a row twice", "one bit of a number", "zero for null"],
)
def test_content_does_count(con: DuckDBPyConnection, rows: list[tuple]):
    assert hashed(con, ROWS) != hashed(con, rows)


def test_every_table_and_the_codes_are_hashed(con: DuckDBPyConnection):
    assert {"feature", "example", "feature_activation", "llm_request"} <= table_hashes(con).keys()
    assert not {"registry_entry", "_partition"} & table_hashes(con).keys()
