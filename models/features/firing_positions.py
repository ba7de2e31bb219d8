"""Where in a context each feature fires: one that fires at one position only is about position, whatever its label.

Axes: F features, B position buckets, K position classes, M firings.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.activations.position_buckets import PositionBuckets
from models.features.firings import Firings

CLASSES = np.array([0, 1, 2, 3, 4, 8, 16, 32])
"""First offset, from the first token that is read, of each class of positions: what controls are matched by."""
START = 4
"""Offsets below this are the start of a context."""


def position_class(offset: np.ndarray) -> np.ndarray:
    """The class of each offset; -1 before the first token that is read."""
    return np.searchsorted(CLASSES, offset, side="right") - 1


@dataclass(frozen=True, slots=True)
class FiringPositions:
    """Firings of each feature by position bucket; a value with a zero and a plus."""

    buckets: PositionBuckets
    n_FB: np.ndarray

    @classmethod
    def zero(cls, buckets: PositionBuckets, n_features: int) -> Self:
        return cls(buckets, np.zeros((n_features, buckets.n), np.int32))

    def of(self, fired: Firings) -> Self:
        """The firings of some contexts alone."""
        cells_M = fired.features_M.astype(np.int64) * self.buckets.n + self.buckets.at(fired.positions_M)
        n_C = np.bincount(cells_M, minlength=self.n_FB.size)
        return type(self)(self.buckets, n_C.reshape(self.n_FB.shape).astype(np.int32))

    def __add__(self, other: Self) -> Self:
        return type(self)(self.buckets, self.n_FB + other.n_FB)

    @property
    def _n_F(self) -> np.ndarray:
        return np.maximum(self.n_FB.sum(axis=1), 1)

    def top(self) -> tuple[np.ndarray, np.ndarray]:
        """The first position of the bucket where each feature fires most, and the share of its firings there."""
        bucket_F = self.n_FB.argmax(axis=1)
        return self.buckets.edges()[0][bucket_F], self.n_FB[np.arange(len(bucket_F)), bucket_F] / self._n_F

    def start_share_F(self) -> np.ndarray:
        """Share of each feature's firings at the start of a context."""
        return self.n_FB[:, :START].sum(axis=1) / self._n_F

    def class_shares_FK(self) -> np.ndarray:
        """Share of each feature's firings in each class of positions; a dead one's are 0."""
        kind_B = position_class(self.buckets.edges()[0] - self.buckets.first)
        n_FK = np.stack([self.n_FB[:, kind_B == kind].sum(axis=1) for kind in range(len(CLASSES))], axis=1)
        return n_FK / self._n_F[:, None]
