"""Values of metrics from trials and verdicts: rows of the table `explanation_score` but its partition's keys.

A verdict that is missing counts as failed and for nothing else. A metric that nothing was asked for has no row; one
that cannot be told, such as a correlation with a constant, has a row without value.

Axes: L trials, a label each; N windows of all of them one after another; S tokens of those one after another.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from models.autointerp.blocks import blocks
from models.autointerp.example_set import ExampleSet
from models.autointerp.trials import Judgement, Trial
from models.numerics.metrics_with_ci import ValueWithCI, auroc
from storage.table_schemas.explanation_score import SCHEMA as EXPLANATION_SCORE

_OF_THE_SCORER = ("scorer", "is_headline")
VALUES = pa.schema([field for field in EXPLANATION_SCORE if field.name not in _OF_THE_SCORER])
"""What a scorer measures: a row without the scorer's name and whether the metric stands for it."""
BLOCK = 512
"""Trials whose tokens are held at once."""

Metric = tuple[str, ValueWithCI, np.ndarray, np.ndarray]
"""Name, values with intervals, windows that count and windows that failed."""


@dataclass(frozen=True)
class JudgedWindows:
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
    def of(cls, trials: Sequence[Trial], verdicts: Sequence[Sequence[Judgement]]) -> "JudgedWindows":
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
    metrics: "Callable[[ExampleSet, JudgedWindows], list[Metric]]",
    gallery: ExampleSet,
    trials: Sequence[Trial],
    verdicts: Sequence[Sequence[Judgement]],
) -> pa.Table:
    """What the verdicts of one task say of each label.

    Args:
        metrics: Measures what was shown and said.
        gallery: The examples that the trials point at.
        trials: One for each label.
        verdicts: A verdict for each window of each trial.
    """
    parts = [VALUES.empty_table()]
    for tried, said in zip(blocks(trials, BLOCK), blocks(verdicts, BLOCK), strict=True):
        measured = metrics(gallery, JudgedWindows.of(tried, said))
        parts.append(metric_rows([trial.label.explanation_id for trial in tried], measured))
    return pa.concat_tables(parts)


def named_scores(scorer: str, headline: str | None, values: pa.Table) -> pa.Table:
    """Rows of `explanation_score`: whose they are, and which of them stand for the scorer."""
    columns = {name: values[name] for name in VALUES.names}
    columns["scorer"] = pa.array([scorer] * values.num_rows, pa.string())
    columns["is_headline"] = pa.array([metric == headline for metric in values["metric"].to_pylist()], pa.bool_())
    return pa.table({name: columns[name] for name in EXPLANATION_SCORE.names}, schema=EXPLANATION_SCORE)


def auroc_rows(trials: Sequence[Trial], values: Sequence[np.ndarray]) -> pa.Table:
    """How well a number for each window, higher where the label fits, tells where the feature fires."""
    if not trials:
        return VALUES.empty_table()
    trial_N = np.repeat(np.arange(len(trials)), [len(trial.row_N) for trial in trials])
    truth_N, n_L = np.concatenate([trial.truth_N for trial in trials]), np.bincount(trial_N, minlength=len(trials))
    area = auroc(trial_N, truth_N, np.concatenate(values), len(trials))
    ids = [trial.label.explanation_id for trial in trials]
    return metric_rows(ids, [("auroc", area, n_L, np.zeros_like(n_L))])


def metric_rows(ids: Sequence[str], metrics: Sequence[Metric]) -> pa.Table:
    """Label by label, metric by metric."""
    names = np.tile(np.array([name for name, *_ in metrics], dtype=object), len(ids))
    value, low, high = (
        np.stack([estimate[i] for _, estimate, *_ in metrics], axis=1).ravel().astype(np.float64) for i in range(3)
    )
    n, failed = (np.stack([metric[i] for metric in metrics], axis=1).ravel() for i in (2, 3))
    asked = n + failed > 0
    explanation = np.repeat(np.array(ids, dtype=object), len(metrics))
    numbers = [pa.array(column[asked], pa.float64(), mask=np.isnan(column[asked])) for column in (value, low, high)]
    counts = [pa.array(column[asked], pa.int64()) for column in (n, failed)]
    texts = [pa.array(column[asked], pa.string()) for column in (explanation, names)]
    return pa.table([*texts, *numbers, *counts], schema=VALUES)
