"""Which features of two dictionaries fire alike on the same places of text, whatever models they are of.

Universality (Bricken et al. 2023, "Towards Monosemanticity"; Gurnee et al. 2024, arXiv:2401.12181): the largest
correlation of a feature's activations with any of the other dictionary's, beside the same on shuffled places.

Axes: S places of text, F features of the one, G of the other, D and E widths.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, csr_array

from models.comparison.sparse_rows import column_moments, n_rows

TOGETHER = 1024
"""Features whose correlations with all others are held at a time."""


@dataclass(frozen=True, slots=True)
class Counterparts:
    """For each feature the one of the other dictionary whose activations correlate most; ties go to the lower."""

    other_F: np.ndarray
    correlation_F: np.ndarray
    """NaN where a feature does not vary on these places."""
    shuffled_F: np.ndarray
    """The largest with the other's places shuffled: what chance gives the best of so many."""
    is_mutual_F: np.ndarray


def counterparts(a_SF: csr_array, b_SG: csr_array, seed: int = 0) -> Counterparts:
    """Compares all features with all, some rows at a time.

    Args:
        a_SF: Activations of the one dictionary.
        b_SG: Of the other on the same places.
        seed: Of the shuffling.
    """
    n = n_rows(a_SF)
    if n != n_rows(b_SG):
        raise ValueError(f"{n} places of the one and {n_rows(b_SG)} of the other: compare the same")
    order_S = np.random.default_rng(seed).permutation(n)
    other_F, best_F, of_G = _best(a_SF, b_SG)
    _, shuffled_F, _ = _best(a_SF, csr_array(b_SG[order_S]))
    is_mutual_F = (of_G[other_F] == np.arange(len(other_F))) & np.isfinite(best_F)
    return Counterparts(other_F, best_F, shuffled_F, is_mutual_F)


def _best(a_SF: csr_array, b_SG: csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each feature of the one its best and their correlation; for each of the other its best."""
    n, columns = n_rows(a_SF), csc_array(a_SF)
    (mean_F, variance_F), (mean_G, variance_G) = column_moments(a_SF), column_moments(b_SG)
    std_F, std_G = np.sqrt(variance_F), np.sqrt(variance_G)
    other_F, best_F = np.zeros(len(mean_F), dtype=np.int64), np.full(len(mean_F), np.nan)
    of_G, best_G = np.zeros(len(mean_G), dtype=np.int64), np.full(len(mean_G), -np.inf)
    varies_G = std_G > 0
    for first in range(0, len(mean_F), TOGETHER):
        rows = slice(first, first + TOGETHER)
        cross_BG = (columns[:, rows].T @ b_SG).toarray() / n - mean_F[rows, None] * mean_G
        scale_BG = std_F[rows, None] * np.where(varies_G, std_G, 1.0)
        correlation_BG = np.divide(cross_BG, scale_BG, out=np.full_like(cross_BG, -np.inf), where=scale_BG > 0)
        correlation_BG[:, ~varies_G] = -np.inf
        best = correlation_BG.argmax(1)
        value_B = correlation_BG[np.arange(len(best)), best]
        other_F[rows], best_F[rows] = best, np.where(np.isfinite(value_B), np.clip(value_B, -1, 1), np.nan)
        rows_G = correlation_BG.argmax(0)
        value_G = correlation_BG[rows_G, np.arange(len(rows_G))]
        better_G = value_G > best_G
        best_G[better_G], of_G[better_G] = value_G[better_G], first + rows_G[better_G]
    return other_F, best_F, of_G
