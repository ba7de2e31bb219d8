"""What views and macros say, held against the planted truth and against plain Python."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from synthetic_codes import DEAD, LENGTH, N_CONTEXTS, N_FEATURES, plant
from synthetic_store import SyntheticStore

from sql.publish import publish
from sql.views import define_views
from sql.warehouse import connect, define


@pytest.fixture(scope="module")
def con(warehouse: Path) -> Iterator[DuckDBPyConnection]:
    with closing(connect(warehouse)) as con:
        yield con


def test_the_codes_in_the_store_recount_every_feature(con: DuckDBPyConnection):
    differing = con.execute("""
        with counted as (
            select feature_id, count(*) as n, avg(activation) as mean, max(activation) as strongest
            from feature_activation where model_id = 'demo' and recipe_id = 'mid' group by all
        )
        select feature_id from feature left join counted using (feature_id)
        where recipe_id = 'mid' and (
            n_firings <> coalesce(n, 0)
            or abs(mean_activation - mean) > 1e-9
            or max_activation is distinct from strongest
        )
    """).fetchall()
    assert differing == []
    assert con.execute("select count(*) from feature_activation").fetchall() == [(len(plant(0)),)]


def test_a_card_shows_the_best_label_of_each_feature(con: DuckDBPyConnection):
    cards = con.execute(
        "select feature_id, label, explainer, detection, label_status from feature_card "
        "where recipe_id = 'mid' order by feature_id"
    ).fetchall()
    assert cards[0] == (0, "Function definitions", "anthropic", 0.9, "ok"), "the better detection score wins"
    assert cards[1] == (1, None, "lexical", None, "parse_error"), "a failure is no label, and says why"
    assert cards[2] == (2, "tokens like str", "lexical", 0.6, "ok")
    assert cards[DEAD] == (DEAD, None, None, None, None)
    assert len(cards) == N_FEATURES


def test_a_card_says_how_specific_the_label_is(con: DuckDBPyConnection):
    rows = con.execute(
        "select feature_id, specificity_mean, control_rating, n_ratings, top_tokens from feature_card "
        "where recipe_id = 'mid' and feature_id in (2, 3) order by all"
    ).fetchall()
    assert rows == [(2, 2.0, None, 4, [" str"]), (3, 2.0, 0.0, 5, [" int"])]


def test_features_that_nobody_explained_have_cards(con: DuckDBPyConnection):
    rows = con.execute(
        "select feature_id, label, specificity_mean from feature_card where recipe_id = 'late' order by all"
    ).fetchall()
    assert rows == [(feature, None, None) for feature in range(N_FEATURES)]


def test_top_tokens_stand_once_each_strongest_first(store: SyntheticStore, published: Path):
    peaks = {0: " b", 1: " a", 2: " b", 3: " c"}
    rows = [
        {
            "feature_id": 0,
            "kind": "top",
            "interval_index": None,
            "rank": rank,
            "example_id": str(rank),
            "context_id": rank,
            "document_id": "d",
            "position": 1,
            "activation": 1.0,
            "tokens": ["x", peak],
            "activations": [0.0, 1.0],
            "peak": 1,
        }
        for rank, peak in peaks.items()
    ]
    store.write("example", {"model_id": "demo", "recipe_id": "mid"}, rows)
    publish(published, store.stored)
    with closing(connect(published)) as con:
        assert con.execute("select top_tokens from feature_card where feature_id = 0").fetchall() == [
            ([" b", " a", " c"],)
        ]


def test_the_summary_counts_what_is_there(con: DuckDBPyConnection):
    rows = con.execute(
        "select sae_id, n_dead, round(dead_fraction * 12), l0, fvu, ce_recovered, n_labelled, n_failed_labels, "
        "specificity_mean, control_rating, n_ratings, n_failed_ratings, cost_usd, n_tokens "
        "from sae_summary order by all"
    ).fetchall()
    assert rows == [
        ("demo/late", 1, 1, 4.0, 0.1, 0.98, *[None] * 7, N_CONTEXTS * LENGTH),
        ("demo/mid", 1, 1, 4.0, 0.1, 0.98, 10, 1, 2.0, 0.0, 54, 1, 0.375, N_CONTEXTS * LENGTH),
    ]


def test_splitting_is_told_for_each_pair_of_dictionaries(con: DuckDBPyConnection):
    rows = con.execute(
        "select sae_id, other_recipe_id, n_features, other_n_features, round(mmcs, 9), share_matched, "
        "round(share_mutual * 12), share_split, max_split_features from feature_splitting order by all"
    ).fetchall()
    planted = (N_FEATURES, N_FEATURES, 0.7, 0.5, 2, 0.5, 3)
    assert rows == [("demo/late", "mid", *planted), ("demo/mid", "late", *planted)]


def test_dead_features_are_the_one_that_never_fires(con: DuckDBPyConnection):
    assert con.execute("select sae_id, feature_id from dead_feature order by all").fetchall() == [
        ("demo/late", DEAD),
        ("demo/mid", DEAD),
    ]


def test_specificity_by_interval_keeps_controls_and_failures_apart(con: DuckDBPyConnection):
    rows = con.execute(
        "select interval_index, n, n_failed, mean_rating, fraction_rated_3 from specificity_by_interval "
        "order by interval_index nulls first"
    ).fetchall()
    live = N_FEATURES - 1
    assert rows == [(None, live - 1, 1, 0.0, 0.0), (0, 2 * live, 0, 1.0, 0.0), (1, 2 * live, 0, 3.0, 1.0)]
    rows = con.execute(
        "select interval_index, n, n_failed, mean_rating from feature_specificity_by_interval where feature_id = 2 "
        "order by interval_index nulls first"
    ).fetchall()
    assert rows == [(None, 0, 1, None), (0, 2, 0, 1.0), (1, 2, 0, 3.0)]


def test_the_density_histogram_holds_every_feature_in_its_bin(con: DuckDBPyConnection):
    bins = con.execute("select lower, upper, n from density_histogram where recipe_id = 'mid'").fetchall()
    densities = [row[0] for row in con.execute("select density from feature where recipe_id = 'mid'").fetchall()]
    assert sum(n for *_, n in bins) == N_FEATURES
    for lower, upper, n in bins:
        held = [d for d in densities if (d == 0 if lower is None else lower <= d < upper)]
        assert n == len(held), (lower, upper, n, held)


def test_spend_adds_up_by_day_and_purpose(con: DuckDBPyConnection):
    rows = con.execute(
        "select * exclude (model_id, recipe_id) replace (day::varchar as day) from spend order by purpose"
    ).fetchall()
    assert rows == [
        ("demo/mid", "a-model", "explain", "2026-01-02", "ok", False, 1, 2, 1200, 800, 100, 250, 50, 0.25),
        ("demo/mid", "a-model", "specificity", "2026-01-02", "ok", True, 1, 1, 1200, 800, 100, 250, 50, 0.125),
    ]


def test_find_features_puts_labels_before_tokens(con: DuckDBPyConnection):
    rows = con.execute("select sae_id, feature_id, found_in from find_features($1)", ["STR"]).fetchall()
    assert rows == [("demo/mid", 2, "label"), ("demo/late", 2, "token")]
    assert con.execute("select feature_id, found_in from find_features('function')").fetchall() == [(0, "label")]


@pytest.mark.parametrize(
    "text", ["'); drop table feature; --", "' or 1=1 --", '"', "%", "_", "\\", "\x00", "🦆" * 50, "$1"]
)
def test_find_features_takes_any_text_as_text(con: DuckDBPyConnection, text: str):
    found = con.execute("select label, top_tokens from find_features($1)", [text]).fetchall()
    assert all(text.lower() in "\n".join([label or "", *tokens]).lower() for label, tokens in found)
    assert con.execute("select count(*) from feature").fetchall() == [(2 * N_FEATURES,)]


def test_examples_are_in_reading_order_with_the_peak_marked(con: DuckDBPyConnection):
    rows = con.execute(
        "select kind, interval_index, rank, text, peak_token from feature_examples('demo', 'mid', 2)"
    ).fetchall()
    assert [row[:3] for row in rows] == [
        ("top", None, 0), ("top", None, 1), ("top", None, 2),
        ("interval", 1, 0), ("interval", 1, 1), ("interval", 0, 0), ("interval", 0, 1), ("control", None, 0),
    ]  # fmt: skip
    assert rows[0][3:] == ("x = « str»(1)", " str")


def test_table_rows_counts_every_table(con: DuckDBPyConnection):
    rows = dict(con.execute("from table_rows").fetchall())
    assert rows["feature"] == 2 * N_FEATURES
    assert rows["feature_activation"] == len(plant(0))
    of_other_tools = ["graph_import", "imported_node"]
    assert [table for table in rows if rows[table] == 0] == of_other_tools, "all others are written by this store"


@pytest.fixture
def measured() -> Iterator[DuckDBPyConnection]:
    """Three dictionaries of one site: two autoencoders, and a transcoder that is worse than both."""
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        for recipe, output_site, fvu in (("a", None, 0.2), ("b", None, 0.3), ("t", "mlp_out.1", 0.4)):
            con.execute(
                "insert into sae by name (select 'm' as model_id, $recipe as recipe_id, 'mlp_in.1' as site, "
                "$output as output_site, 8 as n_features, 'topk' as architecture, 'trained' as origin, "
                "'i' as identity, 'c' as corpus_id, 'f' as frame_sha256, '{}'::json as config, 'u' as uri, "
                "'1' as code_version, now()::timestamp as created_at)",
                {"recipe": recipe, "output": output_site},
            )
            for metric, value in (("l0", 4.0), ("fvu", fvu), ("ce_recovered", 1 - fvu)):
                con.execute(
                    "insert into sae_metric by name (select 'm' as model_id, $1 as recipe_id, 'held_out' as split, "
                    "$2 as metric, $3 as value, 'x' as unit, 9 as n_tokens)",
                    [recipe, metric, value],
                )
        yield con


def test_a_front_is_of_dictionaries_that_read_and_write_the_same_sites(measured: DuckDBPyConnection):
    rows = measured.execute(
        "select recipe_id, output_site, is_pareto_fvu, is_pareto_ce from sae_pareto order by 1"
    ).fetchall()
    assert rows == [("a", None, True, True), ("b", None, False, False), ("t", "mlp_out.1", True, True)]
