"""Values of metrics from trials and verdicts: rows of the table `explanation_score` but its partition's keys.

A verdict that is missing counts as failed and for nothing else. A metric that nothing was asked for has no row; one
that cannot be told, such as a correlation with a constant, has a row without value.

Axes: L trials, a label each; N windows of all of them one after another; S tokens of those one after another.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from models.autointerp.blocks import blocks
from models.autointerp.example_set import ExampleSet
from models.autointerp.trials import Judgement, Trial
from models.numerics.clustered_intervals import Clusters
from models.numerics.metrics_with_ci import ValueWithCI, auroc
from storage.table_schemas.explanation_score import SCHEMA as EXPLANATION_SCORE

_OF_THE_SCORER = ("scorer", "is_headline")
VALUES = pa.schema([field for field in EXPLANATION_SCORE if field.name not in _OF_THE_SCORER])
"""What a scorer measures: a row without the scorer's name and whether the metric stands for it."""


class LabelMetric(NamedTuple):
    """One number of each label."""

    name: str
    estimate: ValueWithCI
    n: np.ndarray
    """Windows that count."""
    n_failed: np.ndarray


@dataclass(frozen=True)
class JudgedWindows:
    """What was shown and said, window by window."""

    n_trials: int
    trial_N: np.ndarray
    row_N: np.ndarray
    truth_N: np.ndarray
    kind_N: np.ndarray
    group_N: np.ndarray
    """The group of near copies that a window's document is of."""
    is_choosing_N: np.ndarray
    said_N: np.ndarray
    """Whether there is a verdict."""
    values: Sequence[Any]
    """What the verdicts say, of those windows that have one."""

    @classmethod
    def of(
        cls, gallery: ExampleSet, trials: Sequence[Trial], verdicts: Sequence[Sequence[Judgement]]
    ) -> "JudgedWindows":
        lengths = [len(trial.row_N) for trial in trials]
        assert lengths == [len(said) for said in verdicts], "a verdict for each window"
        values = [verdict.value for verdict in chain.from_iterable(verdicts)]
        row_N = np.concatenate([trial.row_N for trial in trials])
        return cls(
            len(trials),
            np.repeat(np.arange(len(trials)), lengths),
            row_N,
            np.concatenate([trial.truth_N for trial in trials]),
            np.array(list(chain.from_iterable(trial.kind for trial in trials)), dtype=str),
            gallery.group_R[row_N],
            np.concatenate([trial.is_choosing_N for trial in trials]),
            np.array([value is not None for value in values], dtype=bool),
            [value for value in values if value is not None],
        )

    def where(self, which_N: np.ndarray) -> "JudgedWindows":
        """Some of the windows, of the same trials."""
        return JudgedWindows(
            self.n_trials,
            self.trial_N[which_N],
            self.row_N[which_N],
            self.truth_N[which_N],
            self.kind_N[which_N],
            self.group_N[which_N],
            self.is_choosing_N[which_N],
            self.said_N[which_N],
            list(compress(self.values, which_N[self.said_N].tolist())),
        )

    @cached_property
    def clusters(self) -> Clusters:
        """Windows of near copies count as one cluster of a label."""
        return Clusters(self.trial_N, self.group_N, self.n_trials)

    def count(self, which_N: np.ndarray) -> np.ndarray:
        """How many such windows each trial has."""
        return np.bincount(self.trial_N[which_N], minlength=self.n_trials)

    def numbers(self) -> np.ndarray:
        """What was said of every window as a number; 0 where nothing was."""
        number_N = np.zeros(len(self.said_N))
        number_N[self.said_N] = self.values
        return number_N


Measure = Callable[[ExampleSet, JudgedWindows], list[LabelMetric]]


def score_rows(
    metrics: Measure,
    gallery: ExampleSet,
    trials: Sequence[Trial],
    verdicts: Sequence[Sequence[Judgement]],
    together: int | None = None,
) -> pa.Table:
    """What the verdicts of one task say of each label: by all windows, by those that choose among the labels of a
    feature, and by the others, which report how good the chosen one is.

    Args:
        metrics: Measures what was shown and said.
        gallery: The examples that the trials point at.
        trials: One for each label.
        verdicts: A verdict for each window of each trial.
        together: Trials that are measured at a time, all where it is None: how alike windows of a document are is told
            from as many.
    """
    parts, size = [VALUES.empty_table()], together or max(len(trials), 1)
    for tried, said in zip(blocks(trials, size), blocks(verdicts, size), strict=True):
        windows = JudgedWindows.of(gallery, tried, said)
        halves = [windows, *(windows.where(windows.is_choosing_N == half) for half in (True, False))]
        measured = [metrics(gallery, half) for half in halves]
        parts.append(metric_rows([trial.label.explanation_id for trial in tried], *measured))
    return pa.concat_tables(parts)


def named_scores(scorer: str, headline: str | None, values: pa.Table) -> pa.Table:
    """Rows of `explanation_score`: whose they are, and which of them stand for the scorer."""
    columns = {name: values[name] for name in VALUES.names}
    columns["scorer"] = pa.array([scorer] * values.num_rows, pa.string())
    columns["is_headline"] = pa.array([metric == headline for metric in values["metric"].to_pylist()], pa.bool_())
    return pa.table({name: columns[name] for name in EXPLANATION_SCORE.names}, schema=EXPLANATION_SCORE)


def area_under_curve(_: ExampleSet, windows: JudgedWindows) -> list[LabelMetric]:
    """How well a number for each window, higher where the label fits, tells where the feature fires."""
    said = windows.where(windows.said_N)
    area = auroc(said.clusters, said.truth_N, said.numbers())
    return [LabelMetric("auroc", area, windows.count(windows.said_N), windows.count(~windows.said_N))]


def metric_rows(
    ids: Sequence[str],
    metrics: Sequence[LabelMetric],
    choosing: Sequence[LabelMetric] = (),
    reporting: Sequence[LabelMetric] = (),
) -> pa.Table:
    """Label by label, metric by metric: by all trials, by those that choose, and by those that had no part in it, which
    are all where none is told apart."""
    names = np.tile(np.array([metric.name for metric in metrics], dtype=object), len(ids))
    others = reporting or metrics
    value, low, high = (_flat([metric.estimate[end] for metric in metrics]) for end in range(3))
    reported, reported_low, reported_high = (_flat([metric.estimate[end] for metric in others]) for end in range(3))
    chosen = _flat([metric.estimate[0] for metric in choosing]) if choosing else np.full(len(names), np.nan)
    n, failed = _flat([metric.n for metric in metrics]), _flat([metric.n_failed for metric in metrics])
    n_reporting = _flat([metric.n for metric in others])
    asked = n + failed > 0

    def numbers(of: np.ndarray) -> pa.Array:
        return pa.array(of[asked], pa.float64(), mask=np.isnan(of[asked]))

    def counts(of: np.ndarray) -> pa.Array:
        return pa.array(of[asked].astype(np.int64), pa.int64())

    columns = {
        "explanation_id": pa.array(np.repeat(np.array(ids, dtype=object), len(metrics))[asked], pa.string()),
        "metric": pa.array(names[asked], pa.string()),
        "value": numbers(value),
        "ci_low": numbers(low),
        "ci_high": numbers(high),
        "n_trials": counts(n),
        "n_failed": counts(failed),
        "choosing_value": numbers(chosen),
        "reporting_value": numbers(reported),
        "reporting_ci_low": numbers(reported_low),
        "reporting_ci_high": numbers(reported_high),
        "reporting_n_trials": counts(n_reporting),
    }
    return pa.table({name: columns[name] for name in VALUES.names}, schema=VALUES)


def _flat(by_metric: Sequence[np.ndarray]) -> np.ndarray:
    """Label by label, metric by metric."""
    return np.stack(by_metric, axis=1).ravel().astype(np.float64)
