"""The label that is shown is worth what the page says: chosen by half of its windows, reported by the others."""

from contextlib import closing

import duckdb
import numpy as np
import pytest

from models.autointerp.score_rows import LabelMetric, metric_rows, named_scores
from models.numerics.clustered_intervals import Clusters
from models.numerics.metrics_with_ci import ValueWithCI, balanced_accuracy, share
from sql.sql_files import sql_files
from sql.views import define_views
from sql.warehouse import define

N_FEATURES = 2500
TRUTH = 0.7
N_WINDOWS = 20
"""Of each kind."""


def detection(rng: np.random.Generator, n_labels: int) -> list[ValueWithCI]:
    """Of labels that are all right as often: by all windows, by half of them, and by the other half."""
    n = N_FEATURES * n_labels
    label_N = np.repeat(np.arange(n), 2 * N_WINDOWS)
    place_N = np.tile(np.arange(2 * N_WINDOWS), n)
    right_N = rng.random(len(label_N)) < TRUTH
    every = Clusters(label_N, place_N, n)

    def of(which_N: np.ndarray) -> ValueWithCI:
        rates = [
            share(every.where(kind_N & which_N), right_N[kind_N & which_N])
            for kind_N in (place_N < N_WINDOWS, place_N >= N_WINDOWS)
        ]
        return balanced_accuracy(*rates)

    return [of(which_N) for which_N in (place_N >= 0, place_N % 2 == 0, place_N % 2 == 1)]


@pytest.mark.parametrize("n_labels", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 6))])
def test_the_best_of_equal_labels_is_not_shown_as_better_than_it_is(n_labels: int):
    ids = [f"{feature} {label}" for feature in range(N_FEATURES) for label in range(n_labels)]
    n_L = np.full(len(ids), 2 * N_WINDOWS)
    parts = [
        [LabelMetric("balanced_accuracy", found, n_L, 0 * n_L)]
        for found in detection(np.random.default_rng(0), n_labels)
    ]
    scores = named_scores("detection", "balanced_accuracy", metric_rows(ids, *parts))  # noqa: F841 - named in SQL
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        con.execute("insert into explanation_score by name select 'm' as model_id, 'r' as recipe_id, * from scores")
        con.execute(
            "insert into explanation by name select 'm' as model_id, 'r' as recipe_id, explanation_id, "
            "split_part(explanation_id, ' ', 1)::integer as feature_id, 'words' as label, 'ok' as status, "
            "'e' || split_part(explanation_id, ' ', 2) as explainer from explanation_score"
        )
        con.execute("create temp table touched as select 'm' as model_id, 'r' as recipe_id")
        for text in sql_files("derived"):
            con.execute(text.sql)
        [(shown, covered, highest)] = con.execute(
            "select avg(detection), avg((detection_ci_low <= $1 and $1 <= detection_ci_high)::integer), "
            "(select avg(best) from (select max(detection) as best from feature_label group by feature_id)) "
            "from _feature_summary",
            [TRUTH],
        ).fetchall()
    assert abs(shown - TRUTH) < 0.01
    assert 0.93 < covered < 0.97
    assert n_labels == 1 or highest - TRUTH > 0.03, "the best of several is no better here: nothing is tested"


def test_a_persons_label_is_shown_first_and_the_best_of_several_is():
    rows = [  # feature, explanation, explainer, by the windows that choose, by the others
        (0, "a", "lexical", 0.9, 0.8),
        (0, "b", "human", 0.6, 0.5),
        (1, "c", "human", 0.6, 0.5),
        (1, "d", "human", 0.7, 0.4),
        (1, "e", "lexical", 0.9, 0.8),
        (2, "f", "lexical", 0.6, 0.5),
        (2, "g", "other", 0.7, 0.4),
    ]
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        for feature, name, explainer, choosing, reporting in rows:
            con.execute(
                "insert into explanation by name select 'm' as model_id, 'r' as recipe_id, $1 as explanation_id, "
                "$2 as feature_id, $3 as explainer, 'words' as label, 'ok' as status",
                [name, feature, explainer],
            )
            con.execute(
                "insert into explanation_score by name select 'm' as model_id, 'r' as recipe_id, $1 as explanation_id, "
                "'detection' as scorer, 'balanced_accuracy' as metric, true as is_headline, 0.75 as value, "
                "$2 as choosing_value, $3 as reporting_value, 10 as n_trials, 0 as n_failed",
                [name, choosing, reporting],
            )
        con.execute("create temp table touched as select 'm' as model_id, 'r' as recipe_id")
        for text in sql_files("derived"):
            con.execute(text.sql)
        found = con.execute(
            "select explanation_id, n_labels_tested, detection from _feature_summary order by feature_id"
        ).fetchall()
    # One label of a person's was chosen by no score: its number is of all windows.
    assert found == [("b", 1, 0.75), ("d", 2, 0.4), ("g", 2, 0.4)]
