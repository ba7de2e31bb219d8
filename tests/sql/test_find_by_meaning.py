"""find_features with a vector: text first, then what points the same way, each feature once."""

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from synthetic_codes import N_FEATURES

from sql.views import define_views
from sql.warehouse import connect, define

EAST = [1.0, 0.0]
LABELLED = [feature for feature in range(N_FEATURES - 1) if feature != 1]
"""The attempt at feature 1 failed, the last feature is dead."""


@pytest.fixture(scope="module")
def con(warehouse: Path) -> Iterator[DuckDBPyConnection]:
    with closing(connect(warehouse)) as con:
        yield con


def found(con: DuckDBPyConnection, text: str | None, vector: list[float] | None) -> list[tuple]:
    query = "select recipe_id, feature_id, found_in, similarity from find_features($text, vector := $vector)"
    return con.execute(query, {"text": text, "vector": vector}).fetchall()


def test_a_vector_alone_finds_the_nearest_labels_first(con: DuckDBPyConnection):
    rows = found(con, None, EAST)
    assert [row[:3] for row in rows] == [("mid", feature, "meaning") for feature in LABELLED]
    degrees = [math.degrees(math.acos(min(row[3], 1.0))) for row in rows]
    assert degrees == pytest.approx([3, *(6 * feature for feature in LABELLED[1:])], abs=0.05), (
        "of feature 0, the label that is shown counts, not the other that points due east"
    )


def test_text_comes_first_and_no_feature_twice(con: DuckDBPyConnection):
    rows = found(con, "str", EAST)
    assert [row[:3] for row in rows] == [
        ("mid", 2, "label"),
        ("late", 2, "token"),
        *(("mid", feature, "meaning") for feature in LABELLED if feature != 2),
    ]
    assert rows[0][3] == pytest.approx(math.cos(math.radians(12)))
    assert rows[1][3] is None, "nobody labelled it"


def test_a_vector_that_nothing_resembles_finds_nothing(con: DuckDBPyConnection):
    assert found(con, None, [-1.0, 0.0]) == []
    assert found(con, None, [0.0, 0.0]) == [], "a vector of no direction"


@pytest.mark.parametrize("vector", [[1.0], [1.0, 0.0, 0.0], []])
def test_embeddings_of_another_length_are_left_out(con: DuckDBPyConnection, vector: list[float]):
    assert found(con, None, vector) == []
    assert [row[:3] for row in found(con, "str", vector)] == [("mid", 2, "label"), ("late", 2, "token")]


def test_only_what_the_named_encoder_read_is_compared(con: DuckDBPyConnection):
    query = "select count(*) from find_features(null, vector := $vector, encoder := $encoder)"
    counts = [
        con.execute(query, {"vector": EAST, "encoder": encoder}).fetchone() for encoder in ("compass", "map", None)
    ]
    assert counts == [(len(LABELLED),), (0,), (len(LABELLED),)]


def test_without_a_vector_the_answer_is_that_of_text_alone(con: DuckDBPyConnection):
    for text in ("str", "STR", "tokens", "x", "", "no such thing"):
        with_none = found(con, text, None)
        alone = "select recipe_id, feature_id, found_in, null from find_features($1)"
        assert with_none == con.execute(alone, [text]).fetchall()
    assert con.execute("select count(similarity) from find_features('tokens')").fetchall() == [(0,)]


def test_an_empty_warehouse_has_nothing_near():
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        assert found(con, "x", EAST) == found(con, None, EAST) == found(con, "x", None) == []


def test_the_fifty_nearest_come_after_the_text():
    """200 features that point 0, 0.1, 0.2 … degrees away, without an order; seven of them are found by text."""
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        angle = {feature: feature * 77 % 200 / 10 for feature in range(200)}
        con.execute(
            "insert into feature by name select 'm' as model_id, 'r' as recipe_id, i::integer as feature_id, "
            "1 as n_firings, 1 as n_tokens, 1.0 as density, false as is_dead, 1.0 as decoder_norm from range(200) t(i)"
        )
        con.execute(
            "insert into _feature_summary by name "
            "select model_id, recipe_id, feature_id, 'e' || feature_id as explanation_id, "
            "case when feature_id < 7 then 'wanted' else 'other' end as label, label as search_text from feature"
        )
        con.executemany(
            "insert into label_embedding values ('m', 'r', $1, $2, $3)",
            [
                [f"e{feature}", "compass", [math.cos(math.radians(a)), math.sin(math.radians(a))]]
                for feature, a in angle.items()
            ]
            + [["e9", "long", [1.0, 0.0, 0.0]]],
        )
        rows = found(con, "WANTED", EAST)
    assert sorted(row[1] for row in rows[:7]) == list(range(7))
    assert {row[2] for row in rows[:7]} == {"label"}
    nearest = sorted(angle, key=lambda feature: angle[feature])[:50]
    assert [row[1] for row in rows[7:]] == [feature for feature in nearest if feature >= 7]
    assert {row[2] for row in rows[7:]} == {"meaning"}


@pytest.mark.parametrize("text", ["'); drop table feature; --", "%", "_", "\x00", "$1", "🦆" * 50])
def test_any_text_is_text_beside_a_vector_too(con: DuckDBPyConnection, text: str):
    assert [row[:3] for row in found(con, text, EAST)] == [("mid", feature, "meaning") for feature in LABELLED]
