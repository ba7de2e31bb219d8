"""How often and how strongly each feature fires.

Axes: F features.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.features.firings import Firings


@dataclass(frozen=True, slots=True)
class FiringStatistics:
    """Firings of each feature: their number, sum, sum of squares and maximum, and the tokens looked at.

    Counts and maxima do not depend on how the tokens were split; sums are float64, exact to its rounding.
    """

    n_F: np.ndarray
    sum_F: np.ndarray
    squares_F: np.ndarray
    max_F: np.ndarray
    n_tokens: int

    @classmethod
    def zero(cls, n_features: int) -> Self:
        return cls(np.zeros(n_features, np.int64), *(np.zeros(n_features) for _ in range(3)), n_tokens=0)

    @classmethod
    def of(cls, fired: Firings) -> Self:
        acts_M = fired.acts_M.astype(np.float64)
        return cls(
            fired.counts_F.astype(np.int64),
            fired.fold(np.add, acts_M),
            fired.fold(np.add, acts_M * acts_M),
            fired.fold(np.maximum, fired.acts_M).astype(np.float64),
            fired.n_tokens,
        )

    def __add__(self, other: "FiringStatistics") -> "FiringStatistics":
        return FiringStatistics(
            self.n_F + other.n_F,
            self.sum_F + other.sum_F,
            self.squares_F + other.squares_F,
            np.maximum(self.max_F, other.max_F),
            self.n_tokens + other.n_tokens,
        )

    @property
    def density_F(self) -> np.ndarray:
        """Share of tokens on which a feature fires; 0 where there were no tokens."""
        return self.n_F / max(self.n_tokens, 1)

    @property
    def is_dead_F(self) -> np.ndarray:
        return self.n_F == 0

    @property
    def dead_fraction(self) -> float:
        return float(self.is_dead_F.mean())

    @property
    def mean_F(self) -> np.ndarray:
        """Mean activation over the firings; NaN for a dead feature."""
        with np.errstate(invalid="ignore"):
            return self.sum_F / self.n_F

    @property
    def std_F(self) -> np.ndarray:
        """Standard deviation over the firings, as of a population; NaN for a dead feature."""
        with np.errstate(invalid="ignore"):
            return np.sqrt(np.maximum(self.squares_F / self.n_F - self.mean_F**2, 0.0))
