"""Correlation of two measures of the same things.

N things.
"""

import numpy as np


def pearson(a_N: np.ndarray, b_N: np.ndarray) -> float | None:
    """Pearson's correlation; None for fewer than three things, or where one of the measures does not vary."""
    if len(a_N) < 3 or np.ptp(a_N) == 0 or np.ptp(b_N) == 0:
        return None
    return float(np.clip(np.corrcoef(a_N, b_N)[0, 1], -1, 1))


def spearman(a_N: np.ndarray, b_N: np.ndarray) -> float | None:
    """Spearman's correlation: Pearson's of the ranks; None as there."""
    return pearson(ranks(a_N), ranks(b_N))


def ranks(values_N: np.ndarray) -> np.ndarray:
    """Places in ascending order, counted from 0; equal values share their mean place."""
    _, inverse_N, counts = np.unique(values_N, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[inverse_N]
