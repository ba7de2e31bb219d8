"""Summary of the label scores of one dictionary: the mean of each metric, and how many trials failed."""

from dataclasses import dataclass
from typing import Self

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """What stands first of a table of scores."""

    means: dict[str, float]
    """Of each metric over labels, by `scorer: metric`, where any label has a value."""
    n_failed: int
    n_trials: int
    """Trials of every label and scorer, failed ones among them."""

    @classmethod
    def of(cls, scores: pa.Table) -> Self:
        """Args:
        scores: Rows of `explanation_score`. Each metric of a scorer repeats how many trials the scorer had.
        """
        by_metric = scores.group_by(["scorer", "metric"]).aggregate([("value", "mean")])
        rows = by_metric.sort_by([("scorer", "ascending"), ("metric", "ascending")]).to_pylist()
        trials = scores.group_by(["explanation_id", "scorer"]).aggregate([("n_trials", "max"), ("n_failed", "max")])
        n_failed = sum(trials.column("n_failed_max").to_pylist())
        n_judged = sum(trials.column("n_trials_max").to_pylist())
        means = {f"{row['scorer']}: {row['metric']}": mean for row in rows if (mean := row["value_mean"]) is not None}
        return cls(means, n_failed, n_failed + n_judged)
