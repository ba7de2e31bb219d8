"""The summary of scores, worked out by hand."""

import pytest

from models.autointerp.score_summary import ScoreSummary
from storage.table_schemas import table_schema

SCORE = table_schema("explanation_score")


def row(label: str, scorer: str, metric: str, value: float | None, n_trials: int, n_failed: int) -> dict:
    named = {"explanation_id": label, "scorer": scorer, "metric": metric, "value": value}
    return named | {"n_trials": n_trials, "n_failed": n_failed, "is_headline": False}


def test_means_are_over_labels_and_trials_are_counted_once_a_label_and_scorer():
    rows = [
        row("a", "fuzzing", "balanced_accuracy", 0.5, 10, 1),
        row("b", "fuzzing", "balanced_accuracy", 1.0, 8, 0),
        row("a", "detection", "balanced_accuracy", 0.25, 9, 3),
        row("a", "detection", "f1", 0.75, 9, 3),
        row("b", "detection", "f1", None, 0, 9),
    ]
    summary = ScoreSummary.of(SCORE.empty_table().from_pylist(rows, schema=SCORE))
    assert summary.means == pytest.approx(
        {"detection: balanced_accuracy": 0.25, "detection: f1": 0.75, "fuzzing: balanced_accuracy": 0.75}
    )
    assert list(summary.means) == sorted(summary.means)
    assert (summary.n_failed, summary.n_trials) == (1 + 0 + 3 + 9, 11 + 8 + 12 + 9)


def test_a_metric_without_a_value_has_no_mean_and_no_scores_have_no_trials():
    nothing = ScoreSummary.of(SCORE.empty_table())
    assert (nothing.means, nothing.n_failed, nothing.n_trials) == ({}, 0, 0)
    unknown = ScoreSummary.of(SCORE.empty_table().from_pylist([row("a", "s", "m", None, 0, 2)], schema=SCORE))
    assert (unknown.means, unknown.n_trials) == ({}, 2)
