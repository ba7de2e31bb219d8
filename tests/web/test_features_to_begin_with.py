"""Home begins with features whose labels hold: the query against rows that are known."""

from contextlib import closing

import duckdb
import pytest

from web.query_files import queries

ROWS = [
    (1, "import of modules", 0.95, 0.90), (2, "import statements", 0.99, 0.80), (3, "Import", 0.90, 0.85),
    (4, "quotes", 0.70, 0.60), (5, "commas", 0.99, 0.95), (6, None, 0.99, 0.97), (7, "dots", 0.80, None),
]  # fmt: skip


def begun_with(rows: list[tuple]) -> list[int]:
    columns = "feature_id, label, detection, detection_ci_low"
    with closing(duckdb.connect()) as con:
        con.execute(
            "create table _feature_summary (model_id varchar, recipe_id varchar, feature_id integer, label varchar, "
            "top_tokens varchar[], detection double, detection_ci_low double, detection_ci_high double, "
            "specificity_above_controls double)"
        )
        insert = f"insert into _feature_summary (model_id, recipe_id, {columns}) values ('m', 'r', ?, ?, ?, ?)"
        con.executemany(insert, rows)
        return [row[2] for row in con.execute(queries()["features_to_begin_with"].sql).fetchall()]


def test_the_lower_end_of_the_interval_decides_and_a_first_word_stands_once():
    """Not the score: .99 from few windows comes after .95 from many. Without a label or an interval: left out."""
    assert begun_with(ROWS) == [5, 1, 4]


@pytest.mark.parametrize("n", [5, 12, 300])
def test_there_are_twelve_at_most(n: int):
    rows = [(i, f"word{i} of it", 0.9, 0.5 + i / 1000) for i in range(n)]
    assert begun_with(rows) == list(range(n))[::-1][:12]
