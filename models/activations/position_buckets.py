"""Positions of a context in groups, so that what is counted by position stays small for contexts of any length."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

SINGLE = 16
"""Positions that have a bucket of their own …"""
WIDE = 56
"""… and the number of buckets, at most, that the later ones share evenly."""


@dataclass(frozen=True, slots=True)
class PositionBuckets:
    """Positions of a context in groups: the first that are read one by one, the later ones in runs of equal length."""

    first: int
    """The first position that is read."""
    width: int
    n: int

    @classmethod
    def of(cls, context_length: int, first: int = 0) -> Self:
        later = max(0, context_length - first - SINGLE)
        width = max(1, math.ceil(later / WIDE))
        return cls(first, width, min(SINGLE, max(1, context_length - first)) + math.ceil(later / width))

    def at(self, position: np.ndarray) -> np.ndarray:
        """The bucket of each position."""
        offset = position.astype(np.int64) - self.first
        return np.where(offset < SINGLE, offset, SINGLE + (offset - SINGLE) // self.width)

    def edges(self) -> tuple[np.ndarray, np.ndarray]:
        """First and last position of each bucket."""
        number = np.arange(self.n)
        wide = number >= SINGLE
        first_B = self.first + np.where(wide, SINGLE + (number - SINGLE) * self.width, number)
        return first_B, first_B + np.where(wide, self.width - 1, 0)
