"""Which features fire more or less often in one model than in another, on the same contexts with the same dictionary.

Axes: C contexts, F features.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import false_discovery_control, norm

from models.comparison.sparse_rows import column_moments, column_sums

FEWEST_FIRINGS = 20
"""Of both models together, of a feature that is tested."""
LEAST_LOG2_RATIO = 1.0
"""Size at which a drift counts: twice or half as often."""


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """Of each feature; NaN where it fires too seldom to be tested."""

    rate_F: np.ndarray
    other_rate_F: np.ndarray
    log2_ratio_F: np.ndarray
    difference_F: np.ndarray
    """Of the rates, mean over contexts."""
    standard_error_F: np.ndarray
    q_F: np.ndarray

    @property
    def drifted_F(self) -> np.ndarray:
        """False discoveries held to .05, and an effect worth the name."""
        return (self.q_F < 0.05) & (np.abs(self.log2_ratio_F) >= LEAST_LOG2_RATIO)


def feature_drift(firings_CF: csr_array, others_CF: csr_array, tokens_C: np.ndarray) -> FeatureDrift:
    """Compares firings context by context: tokens of one context are alike, so that contexts are the units.

    Args:
        firings_CF: How often each feature fires in each context, in the one model.
        others_CF: The same in the other.
        tokens_C: Tokens of each context.
    """
    shares = [csr_array(each.multiply(1 / tokens_C[:, None])) for each in (firings_CF, others_CF)]
    mean_F, variance_F = column_moments(csr_array(shares[1] - shares[0]))
    error_F = np.sqrt(variance_F / max(len(tokens_C) - 1, 1))
    fired_F, other_F = (column_sums(each) for each in (firings_CF, others_CF))
    tested_F = fired_F + other_F >= FEWEST_FIRINGS
    z_F = np.divide(mean_F, error_F, out=np.zeros_like(mean_F), where=error_F > 0)
    q_F = np.full(len(mean_F), np.nan)
    if tested_F.any():
        q_F[tested_F] = false_discovery_control(np.minimum(2 * norm.sf(np.abs(z_F[tested_F])), 1))
    total = tokens_C.sum()
    return FeatureDrift(
        fired_F / total, other_F / total, np.log2((other_F + 0.5) / (fired_F + 0.5)), mean_F, error_F, q_F
    )
