"""How well a probe tells the labels of test rows, with 95 % intervals by the bootstrap over groups.

M test rows, G groups, C classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.numerics.bootstrap import DRAWS, LEVEL


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value and its interval; the ends are None where there are too few groups to draw from."""

    value: float
    low: float | None = None
    high: float | None = None


def probe_scores(
    said_M: np.ndarray, class_M: np.ndarray, group_M: Sequence[str], n_classes: int, seed: int = 0
) -> Mapping[str, Score]:
    """`accuracy`, the share of rows told right, and `balanced_accuracy`, the mean of that share over the classes.

    Balanced accuracy is 1 / C for a probe that always says the same, however frequent the classes are.
    """
    names = sorted(set(group_M))
    place_M = np.searchsorted(names, list(group_M))
    rows_GC, right_GC = np.zeros((len(names), n_classes)), np.zeros((len(names), n_classes))
    np.add.at(rows_GC, (place_M, class_M), 1)
    np.add.at(right_GC, (place_M, class_M), said_M == class_M)
    whole = _metrics(right_GC.sum(0)[None], rows_GC.sum(0)[None])
    if len(names) < 2:
        return {name: Score(float(value_N[0])) for name, value_N in whole.items()}
    shares_G = np.full(len(names), 1 / len(names))
    weights_NG = np.random.default_rng(seed).multinomial(len(names), shares_G, size=DRAWS).astype(np.float64)
    drawn = _metrics(weights_NG @ right_GC, weights_NG @ rows_GC)
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    ends = {name: np.quantile(value_N, tails) for name, value_N in drawn.items()}
    return {
        name: Score(float(value_N[0]), float(ends[name][0]), float(ends[name][1])) for name, value_N in whole.items()
    }


def _metrics(right_NC: np.ndarray, rows_NC: np.ndarray) -> dict[str, np.ndarray]:
    """Of each draw; a class that a draw does not hold is left out of its mean."""
    recall_NC = np.divide(right_NC, rows_NC, out=np.full_like(right_NC, np.nan), where=rows_NC > 0)
    held_NC = ~np.isnan(recall_NC)
    balanced_N = np.where(held_NC, recall_NC, 0).sum(1) / np.maximum(held_NC.sum(1), 1)
    return {"accuracy": right_NC.sum(1) / np.maximum(rows_NC.sum(1), 1), "balanced_accuracy": balanced_N}
