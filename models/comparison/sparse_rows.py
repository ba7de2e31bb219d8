"""Sparse matrices as comparisons use them: how many rows, and what is summed down their columns."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array


def n_rows(of: csr_array) -> int:
    return len(of.indptr) - 1


def column_sums(of: Any) -> np.ndarray:
    return np.asarray(of.sum(axis=0)).ravel()


def column_moments(of: csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each column; a variance that is rounding is 0."""
    n = n_rows(of)
    mean, square = column_sums(of) / n, column_sums(of.multiply(of)) / n
    variance = np.maximum(square - mean**2, 0)
    return mean, np.where(variance > 1e-12 * np.maximum(square, 1e-30), variance, 0)


def fired(of: csr_array) -> csr_array:
    """1 where an entry is positive."""
    kept = of.copy()
    kept.data = (kept.data > 0).astype(np.float64)
    kept.eliminate_zeros()
    return kept
