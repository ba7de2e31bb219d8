"""Scores of labels from trials and verdicts: rows of the table `explanation_score` but its partition's keys.

A verdict that is missing counts as failed and for nothing else. A metric that nothing was asked for has no row; one
that cannot be told, such as a correlation with a constant, has a row without value.

Axes: L trials, a label each; N windows of all of them one after another; S tokens of those one after another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from models.autointerp.example_set import ExampleSet
from models.autointerp.scorers.trials import Judgement, OutputTrial, Trial
from models.numerics.metrics_with_ci import ValueWithCI, auroc, balanced_accuracy, f1, pearson, spearman, wilson

SCORE = pa.schema(
    [
        ("explanation_id", pa.string()),
        ("scorer", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("n_trials", pa.int64()),
        ("n_failed", pa.int64()),
    ]
)
BLOCK = 512
"""Trials whose tokens are held at once."""

_Metric = tuple[str, ValueWithCI, np.ndarray, np.ndarray]
"""Name, values with intervals, windows that count and windows that failed."""


@dataclass(frozen=True)
class _Windows:
    """What was shown and said, window by window."""

    n_trials: int
    trial_N: np.ndarray
    row_N: np.ndarray
    truth_N: np.ndarray
    kind_N: np.ndarray
    said_N: np.ndarray
    """Whether there is a verdict."""
    values: list[Any]
    """What the verdicts say, of those windows that have one."""

    @classmethod
    def of(cls, trials: Sequence[Trial], verdicts: Sequence[Sequence[Judgement]]) -> "_Windows":
        lengths = [len(trial.row_N) for trial in trials]
        assert lengths == [len(said) for said in verdicts], "a verdict for each window"
        values = [verdict.value for verdict in chain.from_iterable(verdicts)]
        return cls(
            len(trials),
            np.repeat(np.arange(len(trials)), lengths),
            np.concatenate([trial.row_N for trial in trials]),
            np.concatenate([trial.truth_N for trial in trials]),
            np.array(list(chain.from_iterable(trial.kind for trial in trials)), dtype=str),
            np.array([value is not None for value in values], dtype=bool),
            [value for value in values if value is not None],
        )

    def count(self, which_N: np.ndarray) -> np.ndarray:
        """How many such windows each trial has."""
        return np.bincount(self.trial_N[which_N], minlength=self.n_trials)

    def numbers(self) -> np.ndarray:
        """What was said of every window as a number; 0 where nothing was."""
        number_N = np.zeros(len(self.said_N))
        number_N[self.said_N] = self.values
        return number_N


def score_rows(
    scorer: str, gallery: ExampleSet, trials: Sequence[Trial], verdicts: Sequence[Sequence[Judgement]]
) -> pa.Table:
    """What the verdicts of one task say of each label.

    Args:
        scorer: 'specificity', 'detection', 'fuzzing' or 'simulation', the task that was put.
        gallery: The examples that the trials point at.
        trials: One for each label.
        verdicts: A verdict for each window of each trial.
    """
    measure = {
        "specificity": _specificity,
        "detection": _yes_no_metrics,
        "fuzzing": _yes_no_metrics,
        "simulation": _simulation,
    }
    parts = [SCORE.empty_table()]
    for first in range(0, len(trials), BLOCK):
        some = trials[first : first + BLOCK]
        windows = _Windows.of(some, verdicts[first : first + BLOCK])
        ids = [trial.label.explanation_id for trial in some]
        parts.append(_rows(scorer, ids, measure[scorer](gallery, windows)))
    return pa.concat_tables(parts)


def auroc_rows(scorer: str, trials: Sequence[Trial], values: Sequence[np.ndarray]) -> pa.Table:
    """How well a number for each window, higher where the label fits, tells where the feature fires."""
    if not trials:
        return SCORE.empty_table()
    trial_N = np.repeat(np.arange(len(trials)), [len(trial.row_N) for trial in trials])
    truth_N, n_L = np.concatenate([trial.truth_N for trial in trials]), np.bincount(trial_N, minlength=len(trials))
    area = auroc(trial_N, truth_N, np.concatenate(values), len(trials))
    ids = [trial.label.explanation_id for trial in trials]
    return _rows(scorer, ids, [("auroc", area, n_L, np.zeros_like(n_L))])


def choice_rows(choices: Sequence[OutputTrial], verdicts: Sequence[Judgement]) -> pa.Table:
    """How often the right tokens were found among the options; chance is 1 / options."""
    ids = list(dict.fromkeys(choice.label.explanation_id for choice in choices))
    place = {name: number for number, name in enumerate(ids)}
    label_N = np.array([place[choice.label.explanation_id] for choice in choices], np.int64)
    said_N = np.array([verdict.value is not None for verdict in verdicts], bool)
    right_N = np.array([verdict.value is True for verdict in verdicts], bool)
    right_L, n_L, failed_L = (np.bincount(label_N[of], minlength=len(ids)) for of in (right_N, said_N, ~said_N))
    return _rows("output", ids, [("accuracy", wilson(right_L, n_L), n_L, failed_L)])


def _rows(scorer: str, ids: Sequence[str], metrics: Sequence[_Metric]) -> pa.Table:
    """Label by label, metric by metric."""
    names = np.tile(np.array([name for name, *_ in metrics], dtype=object), len(ids))
    value, low, high = (
        np.stack([estimate[i] for _, estimate, *_ in metrics], axis=1).ravel().astype(np.float64) for i in range(3)
    )
    n, failed = (np.stack([metric[i] for metric in metrics], axis=1).ravel() for i in (2, 3))
    asked = n + failed > 0
    explanation = np.repeat(np.array(ids, dtype=object), len(metrics))
    numbers = [pa.array(column[asked], pa.float64(), mask=np.isnan(column[asked])) for column in (value, low, high)]
    texts = [pa.array(explanation[asked], pa.string()), pa.array([scorer] * int(asked.sum()), pa.string())]
    counts = [pa.array(column[asked], pa.int64()) for column in (n, failed)]
    return pa.table([*texts, pa.array(names[asked], pa.string()), *numbers, *counts], schema=SCORE)


def _specificity(_: ExampleSet, windows: _Windows) -> list[_Metric]:
    """How well the ratings tell examples from controls."""
    said_N = windows.said_N
    example_N = windows.kind_N[said_N] == "interval"
    area = auroc(windows.trial_N[said_N], example_N, np.array(windows.values, np.float32), windows.n_trials)
    return [("auroc", area, windows.count(said_N), windows.count(~said_N))]


def _yes_no_metrics(_: ExampleSet, windows: _Windows) -> list[_Metric]:
    """How often yes and no are right."""
    truth_N, said_N, yes_N, hard_N = windows.truth_N, windows.said_N, windows.numbers() > 0, windows.kind_N == "hard"

    def rate(right_N: np.ndarray, of_N: np.ndarray) -> ValueWithCI:
        return wilson(windows.count(right_N & of_N & said_N), windows.count(of_N & said_N))

    true_positive, true_negative = rate(yes_N, truth_N), rate(~yes_N, ~truth_N)
    outcomes = (truth_N & yes_N, ~truth_N & yes_N, truth_N & ~yes_N)
    shares = [
        ("balanced_accuracy", balanced_accuracy(true_positive, true_negative), said_N | True),
        ("f1", f1(*(windows.count(outcome_N & said_N) for outcome_N in outcomes)), said_N | True),
        ("true_positive_rate", true_positive, truth_N),
        ("true_negative_rate", true_negative, ~truth_N),
        ("true_negative_rate_hard", rate(~yes_N, hard_N), hard_N),
    ]
    return [(name, value, windows.count(of_N & said_N), windows.count(of_N & ~said_N)) for name, value, of_N in shares]


def _simulation(gallery: ExampleSet, windows: _Windows) -> list[_Metric]:
    """Correlation of strengths with activations over the tokens of all windows of a label."""
    said_N = windows.said_N
    row_N = windows.row_N[said_N]
    length_N = gallery.start_R[row_N + 1] - gallery.start_R[row_N]
    assert length_N.tolist() == [len(value) for value in windows.values], "a strength for each token"
    at_S = np.arange(length_N.sum()) + np.repeat(gallery.start_R[row_N] - (np.cumsum(length_N) - length_N), length_N)
    trial_S = np.repeat(windows.trial_N[said_N], length_N)
    strength_S = np.fromiter(chain.from_iterable(windows.values), np.float32, len(at_S))
    pairs = (trial_S, strength_S, gallery.activation_S[at_S], windows.n_trials)
    n_L, failed_L = windows.count(said_N), windows.count(~said_N)
    return [("pearson", pearson(*pairs), n_L, failed_L), ("spearman", spearman(*pairs), n_L, failed_L)]
