"""What a label is worth: means over intervals by hand, the view against plain Python, and which label is the best."""

import math
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from synthetic_store import SyntheticStore

from sql.publish import publish
from sql.sql_files import sql_files
from sql.views import define_views
from sql.warehouse import connect, define

KEYS = {"model_id": "m", "recipe_id": "r"}
FIRINGS = [6, 2, 1, 1]
"""Of feature 0 in four equal slices of (0, 2]."""
SAE = {
    "identity": "i", "corpus_id": "c", "frame_sha256": "f", "site": "resid_post.0", "architecture": "topk",
    "n_features": 9, "config": "{}", "uri": "saes/r", "origin": "trained", "code_version": "1",
    "created_at": "2026-01-01",
}  # fmt: skip
MEASURES = (
    "detection", "headline_scores", "specificity_mean", "specificity_density_weighted", "fraction_rated_3",
    "control_rating", "n_ratings", "n_failed",
)  # fmt: skip


def insert(con: DuckDBPyConnection, table: str, *rows: dict[str, Any]) -> None:
    for row in rows:
        names, marks = ", ".join(f'"{name}"' for name in row | KEYS), ", ".join("?" * len(row | KEYS))
        con.execute(f"insert into {table} ({names}) values ({marks})", [*(row | KEYS).values()])


def explain(con: DuckDBPyConnection, explanation_id: str, **more: Any) -> None:
    row = {"feature_id": 0, "explainer": "lexical", "label": "words", "status": "ok", "n_examples": 5}
    insert(con, "explanation", {"explanation_id": explanation_id} | row | more)


def rate(
    con: DuckDBPyConnection,
    explanation_id: str,
    interval: int | None,
    *ratings: int | None,
    choosing: bool | None = None,
) -> None:
    for n, rating in enumerate(ratings):
        row = {
            "explanation_id": explanation_id,
            "example_id": f"{interval}-{n}-{choosing}",
            "feature_id": 0,
            "interval_index": interval,
            "is_choosing": choosing,
        }
        status = "refused" if rating is None else "ok"
        insert(con, "specificity", row | {"activation": 1.0, "rating": rating, "status": status, "judge": "lexical"})


def score(con: DuckDBPyConnection, explanation_id: str, scorer: str, value: float | None, **halves: float) -> None:
    row = {"explanation_id": explanation_id, "scorer": scorer, "metric": "shares", "value": value}
    insert(con, "explanation_score", row | {"n_trials": 10, "n_failed": 0, "is_headline": True} | halves)


def refresh(con: DuckDBPyConnection) -> None:
    con.execute("create or replace temp table touched as select 'm' as model_id, 'r' as recipe_id")
    for text in sql_files("derived"):
        con.execute(text.sql)


def worth(con: DuckDBPyConnection, explanation_id: str = "e") -> dict[str, Any]:
    refresh(con)
    answer = con.execute("from feature_label where explanation_id = $1", [explanation_id])
    return dict(zip([column[0] for column in answer.description], answer.fetchall()[0], strict=True))


@pytest.fixture(scope="module")
def defined() -> Iterator[DuckDBPyConnection]:
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        yield con


@pytest.fixture
def con(defined: DuckDBPyConnection) -> Iterator[DuckDBPyConnection]:
    """Feature 0 of m/r, its histogram in four bins, an explanation `e`, and examples of four intervals; what a test
    writes is rolled back."""
    con = defined.begin()
    insert(con, "sae", SAE)
    for n, (bin_, firings) in enumerate(enumerate(FIRINGS)):
        slice_ = {"feature_id": 0, "bin": bin_, "lower": bin_ / 2, "upper": (bin_ + 1) / 2, "n": firings}
        insert(con, "activation_histogram", slice_)
        place = {"feature_id": 7, "kind": "interval", "interval_index": n, "rank": 0, "example_id": f"x{n}"}
        window = {"activation": 1.0, "tokens": ["a"], "activations": [1.0], "peak": 0}
        insert(con, "example", place | window | {"context_id": 0, "document_id": "d", "position": 0})
    explain(con, "e")
    yield con
    con.rollback()


def test_the_uniform_mean_is_of_intervals_not_of_ratings(con: DuckDBPyConnection):
    rate(con, "e", 0, 0, 1, 0, 1)  # 0.5
    rate(con, "e", 1, 1)
    rate(con, "e", 2, 3, 0)  # 1.5
    rate(con, "e", 3, 3, 3, 3)
    found = worth(con)
    assert found["specificity_mean"] == (0.5 + 1 + 1.5 + 3) / 4 == 1.5
    assert found["specificity_density_weighted"] == pytest.approx(0.6 * 0.5 + 0.2 * 1 + 0.1 * 1.5 + 0.1 * 3)  # 0.95
    assert found["fraction_rated_3"] == (0 + 0 + 0.5 + 1) / 4
    assert (found["n_ratings"], found["n_failed"], found["control_rating"]) == (10, 0, None)


def judge(con: DuckDBPyConnection, scorer: str, interval: int | None, *right: bool | None, choosing: bool) -> None:
    for n, is_right in enumerate(right):
        truth = interval is not None
        row = {
            "explanation_id": "e",
            "scorer": scorer,
            "example_id": f"{interval}-{n}-{choosing}",
            "feature_id": 0,
            "kind": "interval" if truth else "control",
            "interval_index": interval,
            "document_group": "d",
            "is_choosing": choosing,
            "marked": [],
            "truth": truth,
            "answer": None if is_right is None else float(truth == is_right),
            "is_right": is_right,
            "status": "refused" if is_right is None else "ok",
        }
        insert(con, "judgement", row)


def test_yes_and_no_are_weighted_by_firings(con: DuckDBPyConnection):
    """Six, two, one and one of ten firings lie in the four intervals; one was not judged."""
    judge(con, "detection", 0, True, False, None, choosing=True)
    judge(con, "detection", 1, False, choosing=True)
    judge(con, "detection", 3, True, True, choosing=False)
    judge(con, "detection", None, True, True, True, False, choosing=True)
    judge(con, "fuzzing", 0, True, choosing=False)
    found = worth(con)["density_weighted_scores"]
    assert found == {"detection": pytest.approx((0.75 + (6 * 0.5 + 2 * 0 + 1 * 1) / 9) / 2)}
    by_half = con.execute("select part, density_weighted_scores from _feature_label order by part").fetchall()
    assert by_half[1:] == [("choosing", {"detection": pytest.approx((0.75 + 6 * 0.5 / 8) / 2)}), ("reporting", None)]


def test_intervals_without_a_rating_weigh_nothing(con: DuckDBPyConnection):
    rate(con, "e", 0, 1)
    rate(con, "e", 1, None, None)
    rate(con, "e", 3, 3, None)
    found = worth(con)
    assert found["specificity_mean"] == 2
    assert found["specificity_density_weighted"] == pytest.approx((6 * 1 + 1 * 3) / 7)
    assert (found["n_ratings"], found["n_failed"]) == (2, 3)


def test_several_bins_are_one_interval(con: DuckDBPyConnection):
    con.execute("update example set interval_index = interval_index % 2")
    rate(con, "e", 0, 1)
    rate(con, "e", 1, 3)
    assert worth(con)["specificity_density_weighted"] == pytest.approx(0.8 * 1 + 0.2 * 3)


def test_a_bin_that_two_intervals_share_goes_to_that_of_its_midpoint(con: DuckDBPyConnection):
    con.execute("delete from example where interval_index = 3")  # thirds of (0, 2]; midpoints 0.25, 0.75, 1.25, 1.75
    for interval, rating in enumerate((0, 1, 3)):
        rate(con, "e", interval, rating)
    assert worth(con)["specificity_density_weighted"] == pytest.approx(0.6 * 0 + 0.3 * 1 + 0.1 * 3)


@pytest.mark.parametrize(("n_bins", "n_intervals"), [(50, 10), (10, 10), (64, 4), (12, 3), (7, 1)])
@pytest.mark.parametrize("maximum", [1.0, 0.3, 2.7182818, 1e-6, 12345.6])
def test_bins_fall_into_equal_intervals(con: DuckDBPyConnection, n_bins: int, n_intervals: int, maximum: float):
    edges = [maximum * n / n_bins for n in range(n_bins + 1)]
    sql = "select interval_of_bin($lower, $upper, $maximum, $n)"
    found = [
        con.execute(sql, {"lower": lower, "upper": upper, "maximum": maximum, "n": n_intervals}).fetchone()
        for lower, upper in pairwise(edges)
    ]
    assert found == [(n * n_intervals // n_bins,) for n in range(n_bins)]


def test_the_number_of_intervals_follows_the_examples(con: DuckDBPyConnection):
    for statement, wanted in (
        ("delete from example where interval_index = 3", 3),
        ("update example set kind = 'top', interval_index = null where interval_index = 2", 2),
        ("delete from example where kind = 'interval'", None),
        ("delete from example", None),
    ):
        con.execute(statement)
        refresh(con)
        assert con.execute("select n_intervals from sae").fetchall() == [(wanted,)], statement


def test_controls_stand_apart(con: DuckDBPyConnection):
    rate(con, "e", 2, 3)
    rate(con, "e", None, 0, 1, 0, 1, None)
    found = worth(con)
    assert (found["specificity_mean"], found["specificity_density_weighted"], found["control_rating"]) == (3, 3, 0.5)
    assert (found["n_ratings"], found["n_failed"]) == (5, 1)


def test_without_a_histogram_nothing_is_weighted(con: DuckDBPyConnection):
    con.execute("delete from activation_histogram")
    rate(con, "e", 0, 2)
    found = worth(con)
    assert (found["specificity_mean"], found["specificity_density_weighted"]) == (2, None)


def test_where_every_rating_failed_there_is_no_mean(con: DuckDBPyConnection):
    rate(con, "e", 0, None)
    found = worth(con)
    assert [found[name] for name in MEASURES[2:]] == [None, None, None, None, 0, 1]


def test_what_was_never_scored_is_null_and_other_metrics_do_not_count(con: DuckDBPyConnection):
    assert [worth(con)[name] for name in MEASURES] == [None] * len(MEASURES)
    other = {"explanation_id": "e", "scorer": "detection", "metric": "f1", "value": 0.9, "n_trials": 1, "n_failed": 0}
    insert(con, "explanation_score", other | {"is_headline": False})
    insert(con, "explanation_score", other | {"scorer": "imported", "is_headline": False})
    score(con, "e", "simulation", -0.5)
    score(con, "e", "made_up", 0.25)
    found = worth(con)
    assert (found["detection"], found["headline_scores"]) == (None, {"made_up": 0.25, "simulation": -0.5})
    score(con, "e", "detection", 0.75)
    found = worth(con)
    assert (found["detection"], found["headline_scores"]["detection"]) == (0.75, 0.75)


def test_a_label_with_scores_of_which_none_is_a_headline_has_no_headline_scores(con: DuckDBPyConnection):
    imported = {"explanation_id": "e", "scorer": "imported", "metric": "f1", "value": 0.9, "is_headline": False}
    insert(con, "explanation_score", imported)
    assert worth(con)["headline_scores"] is None


@pytest.mark.parametrize("values", [(0.75, 0.5), (0.5, 0.75), (None, 0.75), (0.75, None)])
def test_a_score_that_stands_there_twice_is_one_headline(con: DuckDBPyConnection, values: tuple[float | None, ...]):
    """The rule of the table's grain says which it is: a dictionary is published so that it can be asked."""
    for value in values:
        score(con, "e", "detection", value)
    score(con, "e", "fuzzing", 0.25)
    assert worth(con)["headline_scores"] == {"detection": 0.75, "fuzzing": 0.25}


def test_refreshing_twice_is_once_and_forgets_what_went(con: DuckDBPyConnection):
    rate(con, "e", 0, 2)
    assert worth(con) == worth(con)
    con.execute("delete from specificity")
    assert worth(con)["specificity_mean"] is None
    con.execute("delete from explanation")
    refresh(con)
    assert con.execute("from _feature_label").fetchall() == []


@pytest.mark.parametrize(
    ("labels", "best"),
    [
        ({"a": {"status": "refused", "label": None, "detection": 1.0}, "b": {"detection": 0.1}}, "b"),
        ({"a": {"detection": 0.6, "rating": 3}, "b": {"detection": 0.7, "rating": 0}}, "b"),
        ({"a": {"rating": 3}, "b": {"detection": 0.1, "rating": 0}}, "b"),
        ({"a": {"detection": 0.7, "rating": 1}, "b": {"detection": 0.7, "rating": 3}}, "b"),
        ({"a": {"explainer": "local"}, "b": {"explainer": "anthropic"}}, "b"),
        ({"a": {"prompt": "logits"}, "b": {"prompt": "activations"}}, "b"),
        ({"b": {"prompt": "logits"}, "a": {"prompt": "logits"}}, "a"),
    ],
    ids=["ok", "detection", "scored", "specificity", "explainer", "prompt", "id"],
)
def test_the_best_label_is_the_first_by_status_detection_specificity_and_name(
    con: DuckDBPyConnection, labels: dict[str, dict[str, Any]], best: str
):
    con.execute("delete from explanation")
    feature = {"feature_id": 0, "n_firings": 1, "n_tokens": 1, "density": 1.0, "is_dead": False, "decoder_norm": 1.0}
    insert(con, "feature", feature)
    for explanation_id, given in labels.items():
        explain(con, explanation_id, **{name: given[name] for name in given if name not in ("detection", "rating")})
        if "detection" in given:
            halves = {"choosing_value": given["detection"], "reporting_value": given["detection"] / 2}
            score(con, explanation_id, "detection", 0.25, **halves)
        if "rating" in given:
            rate(con, explanation_id, 1, given["rating"], choosing=True)
            rate(con, explanation_id, None, 0, choosing=True)
            rate(con, explanation_id, 1, given["rating"] // 3, choosing=False)
    refresh(con)
    n_tested = sum("detection" in given or "rating" in given for given in labels.values())
    shown = con.execute(
        "select explanation_id, n_labels_tested, detection, specificity_mean from feature_card"
    ).fetchall()
    tested, detection, rating = n_tested > 1, labels[best].get("detection"), labels[best].get("rating")
    assert shown == [
        (
            best,
            n_tested,
            None if detection is None else detection / 2 if tested else 0.25,
            None if rating is None else rating // 3,
        )
    ]


@pytest.mark.parametrize(
    ("ratings", "found"),
    [
        ((0, 1, 3, 3), [(3.0, 0.5)]),
        ((0, 2, 0, 3), [(3.0, 1.0)]),
        ((1, 2, 0, 3), []),
        ((0, 0, 3, 2), []),
        ((None, None, 3, 3), []),
        ((0, 0, 3, None), [(3.0, 0.0)]),
    ],
    ids=["fits above", "fits the top", "fits below too", "not the top", "never rated below", "top not rated"],
)
def test_labels_that_fit_the_top_alone_are_found(
    con: DuckDBPyConnection, ratings: tuple[int | None, ...], found: list[tuple[float, float]]
):
    feature = {"feature_id": 0, "n_firings": 1, "n_tokens": 1, "density": 1.0, "is_dead": False, "decoder_norm": 1.0}
    insert(con, "feature", feature)
    for interval, rating in enumerate(ratings):
        rate(con, "e", interval, rating)
    refresh(con)
    [question] = [text.sql for text in sql_files("queries") if text.name == "labels_of_strong_activations_only"]
    assert con.execute(f"select strongest, weak_half from ({question.rstrip().rstrip(';')}\n)").fetchall() == found


def test_a_card_says_of_its_label_what_the_view_of_labels_says(warehouse: Path):
    scores = "detection, headline_scores, specificity_mean, specificity_density_weighted, fraction_rated_3, n_ratings"
    shared = f"label, explainer, llm, {scores}"
    with closing(connect(warehouse)) as con:
        cards = con.execute(f"select explanation_id, {shared} from feature_card where explanation_id <> ''").fetchall()
        labels = con.execute(f"select explanation_id, {shared} from feature_label").fetchall()
    assert len(cards) == 11
    assert all(card in labels for card in cards)


def test_the_view_is_what_plain_python_makes_of_the_tables(store: SyntheticStore, published: Path):
    """Ratings are replaced by ones without a pattern, of which every seventh failed."""
    rows = [
        {
            "explanation_id": f"e{feature}-{n}",
            "example_id": f"{feature}-{interval}-{k}",
            "feature_id": feature,
            "interval_index": interval,
            "activation": 1.0,
            "rating": None if (i := 7 * feature + 3 * n + 5 * k + (interval or 0)) % 7 == 0 else i * i % 4,
            "status": "refused" if i % 7 == 0 else "ok",
            "judge": "lexical",
        }
        for feature in range(6)
        for n in range(2)
        for interval in (None, 0, 1)
        for k in range(1 + (feature + n) % 3)
    ]
    mid = {"model_id": "demo", "recipe_id": "mid"}
    labels = [
        {"explanation_id": f"e{f}-{n}", "feature_id": f, "explainer": "a", "label": "b", "status": "ok"}
        | {"n_examples": 1}
        for f in range(6)
        for n in range(2)
    ]
    store.write("specificity", mid, rows)
    store.write("explanation", mid, labels)
    publish(published, store.stored)
    with closing(connect(published)) as con:
        codes = con.execute("select feature_id, activation from feature_activation where recipe_id = 'mid'").fetchall()
        names = ", ".join(MEASURES[2:])
        found = {
            row[0]: row[1:] for row in con.execute(f"select explanation_id, {names} from feature_label").fetchall()
        }
    assert found.keys() == {label["explanation_id"] for label in labels}
    for label in labels:
        mine = [row for row in rows if row["explanation_id"] == label["explanation_id"]]
        acts = [activation for feature, activation in codes if feature == label["feature_id"]]
        wanted = _by_hand(mine, acts)
        assert [value is None for value in wanted] == [value is None for value in found[label["explanation_id"]]]
        for one, other in zip(wanted, found[label["explanation_id"]], strict=True):
            assert one is None or math.isclose(one, other, abs_tol=1e-12), label


def test_each_label_has_its_own_scores_beside_it(published: Path, store: SyntheticStore):
    publish(published, store.stored)
    with closing(connect(published)) as con:
        kept = con.execute(
            "select recipe_id, explanation_id, unnest(scores, recursive := true) from _feature_label order by all"
        ).fetchall()
        wanted = con.execute(
            "select recipe_id, explanation_id, scorer, metric, value, ci_low, ci_high, n_trials, n_failed, is_headline "
            "from explanation_score semi join explanation using (model_id, recipe_id, explanation_id) order by all"
        ).fetchall()
    assert len(wanted) > 0
    assert kept == wanted


def _by_hand(ratings: list[dict[str, Any]], acts: list[float]) -> list[float | None]:
    """The measures of one label, weights counted from the very activations: two intervals."""
    given = defaultdict(list)
    for row in ratings:
        if row["rating"] is not None:
            given[row["interval_index"]].append(row["rating"])
    controls = given.pop(None, [])
    strong = sum(act > max(acts) / 2 for act in acts)
    weight = {0: len(acts) - strong, 1: strong}
    means = {interval: sum(found) / len(found) for interval, found in given.items()}
    threes = [found.count(3) / len(found) for found in given.values()]
    n = len(controls) + sum(map(len, given.values()))
    total = sum(weight[interval] for interval in means)
    return [
        sum(means.values()) / len(means) if means else None,
        sum(means[interval] * weight[interval] for interval in means) / total if total else None,
        sum(threes) / len(threes) if threes else None,
        sum(controls) / len(controls) if controls else None,
        n,
        len(ratings) - n,
    ]


def test_a_store_from_before_these_columns_is_still_published(store: SyntheticStore, published: Path):
    import pyarrow.parquet as pq

    new = {
        "explanation": ["prompt"],
        "specificity": ["reason"],
        "explanation_score": ["ci_low", "ci_high"],
        "llm_request": ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"],
    }
    mid = {"model_id": "demo", "recipe_id": "mid"}
    store.folder("label_embedding", **mid).remove()
    store.folder("llm_request", **mid, purpose="specificity").remove()
    for table, columns in new.items():
        keys = mid | ({"purpose": "explain"} if table == "llm_request" else {})
        old = pq.read_table(f"{store.folder(table, **keys).path}/part-00000.parquet").drop_columns(columns)
        store.write(table, keys, old.to_pylist(), made_from="before", as_given=True)
    publish(published, store.stored)
    with closing(connect(published)) as con:
        for table, columns in new.items():
            [(rows, *filled)] = con.execute(
                f"select count(*), {', '.join(f'count({column})' for column in columns)} from {table}"
            ).fetchall()
            assert rows > 0
            assert filled == [0] * len(columns), table
        assert con.execute("select n_tokens, input_tokens from spend").fetchall() == [(1200, None)]
        assert con.execute("select label, specificity_mean from feature_card where feature_id = 2").fetchall() == [
            ("tokens like str", 2.0)
        ]


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ("explanation_score", "value = 0.5, ci_low = 0.6"),
        ("explanation_score", "value = 0.5, ci_high = 0.4"),
        ("explanation_score", "ci_low = 'nan'"),
        ("explanation_score", "ci_high = 'inf'"),
        ("label_embedding", "embedding = []"),
        ("label_embedding", "embedding = [1, null]"),
        ("label_embedding", "embedding = ['nan', '1']::float[]"),
        ("label_embedding", "embedding = ['inf', '-inf']::float[]"),
        ("label_embedding", "embedding = null"),
        ("llm_request", "input_tokens = input_tokens + 1"),
        ("llm_request", "tokens = -100, input_tokens = -500"),
    ],
)
def test_values_that_cannot_be_are_refused(warehouse: Path, table: str, wrong: str):
    with closing(duckdb.connect()) as con:
        con.execute(f"attach '{warehouse}' as published (read_only)")
        con.execute("attach ':memory:' as copied")
        con.execute("copy from database published to copied")
        con.execute("use copied")
        with pytest.raises(duckdb.ConstraintException):
            con.execute(f"update {table} set {wrong}")
