"""How a feature's activations are distributed between zero and its strongest.

Axes: F features, B bins, M firings.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa

from models.features.firings import Firings
from storage.table_schemas.activation_histogram import SCHEMA as ACTIVATION_HISTOGRAM


def bin_edge(max_F: np.ndarray, number: np.ndarray | int, n: int) -> np.ndarray:
    """Where slice `number` of n equal ones of (0, max] begins; the last one ends at max exactly."""
    return max_F * number / n


def bin_index(fired: Firings, max_F: np.ndarray, n: int) -> np.ndarray:
    """Which of n equal slices of (0, max] holds each firing: `edge(s) < activation <= edge(s + 1)`, to the last bit."""
    acts_M, max_M = fired.acts_M.astype(np.float64), fired.spread(max_F)
    slice_M = np.ceil(acts_M * fired.spread(n / np.where(max_F > 0, max_F, 1.0))).astype(np.int32) - 1
    np.clip(slice_M, 0, n - 1, out=slice_M)
    slice_M -= acts_M <= bin_edge(max_M, slice_M, n)
    slice_M += acts_M > bin_edge(max_M, slice_M + 1, n)
    return slice_M


@dataclass(frozen=True, slots=True)
class ActivationHistogram:
    """Firings of each feature in equal bins of (0, max activation]; they add up to its firings."""

    n_FB: np.ndarray

    @classmethod
    def zero(cls, n_features: int, bins: int) -> Self:
        return cls(np.zeros((n_features, bins), np.int64))

    @classmethod
    def of(cls, fired: Firings, max_F: np.ndarray, bins: int) -> Self:
        cells_M = fired.features_M.astype(np.int64) * bins + bin_index(fired, max_F, bins)
        return cls(np.bincount(cells_M, minlength=fired.n_features * bins).reshape(-1, bins))

    def __add__(self, other: "ActivationHistogram") -> "ActivationHistogram":
        return ActivationHistogram(self.n_FB + other.n_FB)

    def rows(self, max_F: np.ndarray) -> pa.Table:
        """Grain: a bin of a live feature, empty bins included: `feature_id, bin, lower, upper, n`."""
        alive = np.flatnonzero(max_F > 0)
        bins = self.n_FB.shape[1]
        bin_M, max_M = np.tile(np.arange(bins, dtype=np.int32), len(alive)), np.repeat(max_F[alive], bins)
        return pa.Table.from_pydict(
            {
                "feature_id": np.repeat(alive.astype(np.int32), bins),
                "bin": bin_M,
                "lower": bin_edge(max_M, bin_M, bins),
                "upper": bin_edge(max_M, bin_M + 1, bins),
                "n": self.n_FB[alive].ravel(),
            },
            schema=ACTIVATION_HISTOGRAM,
        )
