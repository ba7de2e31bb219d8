"""Intervals by the bootstrap over clusters: tokens of one document are alike, so documents are drawn, not tokens.

Axes: C clusters, N draws.
"""

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
    n = len(numerator_C)
    if n < 2:
        return None
    weights_NC = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(np.float64)
    above_N, below_N = weights_NC @ numerator_C, weights_NC @ denominator_C
    if not below_N.all():
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(above_N / below_N, [tail, 1 - tail])
    return float(low), float(high)
