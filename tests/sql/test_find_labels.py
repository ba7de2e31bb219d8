"""find_features finds a label by its words, with or without the backticks around its tokens, the truest first."""

from collections.abc import Iterator
from contextlib import closing

import duckdb
import pytest
from duckdb import DuckDBPyConnection

from sql.sql_files import sql_files
from sql.views import define_views
from sql.warehouse import define

OF = "'m' as model_id, 'r' as recipe_id"
LABELS = [
    # label, top token, mean rating of windows and of controls
    ("`import`", " import", 2.0, 0.0),
    ("`I` as in Import, IOTA", "I", 3.0, 0.0),
    ("`from`, `import`", " from", 2.5, 0.0),
    ("`Import`", " Import", 3.0, 2.0),
    ("imports of modules", " as", 3.0, 0.0),
    ("`a``b`", "a`b", 1.0, 0.0),
    ("line breaks", "\n", 3.0, 0.0),
]


@pytest.fixture(scope="module")
def con() -> Iterator[DuckDBPyConnection]:
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        for feature, (label, token, rating, control) in enumerate(LABELS):
            con.execute(
                f"insert into feature by name select {OF}, $1 as feature_id, 1 as n_firings, "
                "1 as n_tokens, 1.0 as density, false as is_dead, 1.0 as decoder_norm",
                [feature],
            )
            con.execute(
                f"insert into explanation by name select {OF}, $1 as feature_id, "
                "'e' || $1 as explanation_id, 'lexical' as explainer, $2 as label, 'ok' as status",
                [feature, label],
            )
            con.execute(
                f"insert into example by name select {OF}, $1 as feature_id, 'top' as kind, "
                "0 as rank, 'x' || $1 as example_id, 0 as context_id, 'd' as document_id, 0 as position, "
                "1.0 as activation, [$2] as tokens, [1.0] as activations, 0 as peak",
                [feature, token],
            )
            for interval, value in ((0, rating), (None, control)):
                con.execute(
                    f"insert into specificity by name select {OF}, 'e' || $1 as explanation_id, $1 as feature_id, "
                    "$1 || '-' || coalesce($2, -1) as example_id, $2 as interval_index, 1.0 as activation, "
                    "round($3)::integer as rating, 'ok' as status, 'lexical' as judge",
                    [feature, interval, value],
                )
        con.execute("create temp table touched as select 'm' as model_id, 'r' as recipe_id")
        for text in sql_files("derived"):
            con.execute(text.sql)
        yield con


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("import", ["`import`", "`Import`", "`from`, `import`", "imports of modules", "`I` as in Import, IOTA"]),
        ("`import`", ["`import`", "`Import`", "`from`, `import`", "imports of modules", "`I` as in Import, IOTA"]),
        ("IMPORT", ["`import`", "`Import`", "`from`, `import`", "imports of modules", "`I` as in Import, IOTA"]),
        ("from", ["`from`, `import`"]),
        ("from, import", ["`from`, `import`"]),
        ("line", ["line breaks"]),
        ("a`b", ["`a``b`"]),
        ("`", ["`a``b`"]),
    ],
)
def test_whole_matches_come_first_and_of_those_the_label_that_says_most_of_its_feature(
    con: DuckDBPyConnection, text: str, labels: list[str]
):
    """`import` (2, controls 0) stands before `Import` (3, controls 2)."""
    assert [label for (label,) in con.execute("select label from find_features($1)", [text]).fetchall()] == labels
