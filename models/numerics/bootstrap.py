"""Intervals by the bootstrap over clusters: tokens of one document are alike, so documents are drawn, not tokens.

Axes: C clusters, N draws or rows.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

DRAWS = 2_000
LEVEL = 0.95


def ratio_interval(numerator_C: np.ndarray, denominator_C: np.ndarray, seed: int = 0) -> tuple[float, float] | None:
    """The 95 % percentile interval of a ratio of sums over clusters, each drawn as often as chance has it.

    Returns:
        Both ends; None where there are fewer than two clusters, or a draw has no denominator.

    Source:
        Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapters 6 and 13; clusters as in Field and Welsh
        2007, "Bootstrapping clustered data".
    """
    return statistic_interval(
        lambda weights_NC: _ratio(weights_NC @ numerator_C, weights_NC @ denominator_C), len(numerator_C), seed
    )


def grouped_interval(
    groups: Sequence[str] | Sequence[int], numerator_N: np.ndarray, seed: int, denominator_N: np.ndarray | None = None
) -> tuple[float | None, float | None]:
    """Both ends of the interval of a mean over rows, or of a ratio of two sums over them, whole groups being drawn.

    Args:
        groups: The group of each row (N); those of one are alike.
        numerator_N: Of a mean its values.
        seed: Of the draws.
        denominator_N: None for a mean.

    Returns:
        Two nulls where there are fewer than two groups.
    """
    _, group_N = np.unique(np.asarray(groups), return_inverse=True)
    sums_C, sizes_C = np.bincount(group_N, numerator_N), np.bincount(group_N, denominator_N).astype(np.float64)
    return ratio_interval(sums_C, sizes_C, seed) or (None, None)


def statistic_interval(
    statistic: Callable[[np.ndarray], np.ndarray], n_clusters: int, seed: int = 0
) -> tuple[float, float] | None:
    """The same of any number that is worked out of weighted clusters.

    Args:
        statistic: Its value under each draw (N,), given how often each cluster was drawn (N, C); NaN where a draw has
            none.
        n_clusters: How many clusters.
        seed: Of the draws.

    Returns:
        Both ends; None where there are fewer than two clusters, or a draw has no value.
    """
    return statistic_intervals(lambda weights_NC: statistic(weights_NC)[None], n_clusters, seed, 1)[0]


def statistic_intervals(
    statistic: Callable[[np.ndarray], np.ndarray], n_clusters: int, seed: int, n_values: int
) -> list[tuple[float, float] | None]:
    """The same of several numbers that are worked out together: their values under each draw are (values, N)."""
    if n_clusters < 2:
        return [None] * n_values
    tail = (1 - LEVEL) / 2
    found: list[tuple[float, float] | None] = []
    for value_N in statistic(_weights(n_clusters, seed)):
        low, high = (None, None) if np.isnan(value_N).any() else np.quantile(value_N, [tail, 1 - tail])
        found.append(None if low is None or high is None else (float(low), float(high)))
    return found


@lru_cache(maxsize=1)
def _weights(n_clusters: int, seed: int) -> np.ndarray:
    """How often each draw has each cluster; kept for the next number of the same clusters. (N, C)"""
    chance = np.random.default_rng(seed)
    weights_NC = chance.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=DRAWS).astype(np.float64)
    weights_NC.setflags(write=False)
    return weights_NC


def _ratio(above_N: np.ndarray, below_N: np.ndarray) -> np.ndarray:
    return np.divide(above_N, below_N, out=np.full(len(above_N), np.nan), where=below_N != 0)
