"""Where in a context each feature fires: one that fires at one position only is about position, whatever its label.

Axes: F features, B position buckets, K position classes, M firings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from models.activations.activation_profile import PositionBuckets
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
        n_FB = np.zeros_like(self.n_FB)
        np.add.at(n_FB, (fired.features_M, self.buckets.at(fired.positions_M)), 1)
        return type(self)(self.buckets, n_FB)

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


ENOUGH = 5
"""Firings from which a feature can be said to fire at one position only."""
NEARLY_ALL = 0.95
"""Share of the firings that is taken for all."""
AS_DENSE = 0.02
"""Relative difference below which a density is that of a position."""
MANY = 0.1
"""Share of the live features that no density has by chance."""


def position_note(
    feature: Mapping[str, Sequence[Any]], positions: Sequence[Mapping[str, Any]], bound: float
) -> tuple[str | None, dict[str, float]]:
    """Whether the features of a dictionary are about position rather than text, in a sentence, and the numbers behind
    it.

    Args:
        feature: Columns of the table `feature`.
        positions: Of the site's profile (`models.activations.activation_profile`).
        bound: Share of the live features that may fire at one position only.
    """
    n_F, share_F = (np.array(feature[name], dtype=float) for name in ("n_firings", "top_position_share"))
    alive_F, density_F = n_F > 0, n_F / max(feature["n_tokens"][0], 1)
    n_alive = max(int(alive_F.sum()), 1)
    at_one = float(((n_F >= ENOUGH) & (np.nan_to_num(share_F) >= NEARLY_ALL)).sum() / n_alive)
    of_first = positions[0]["n_tokens"] / max(sum(row["n_tokens"] for row in positions), 1)
    as_dense = float((alive_F & (np.abs(density_F - of_first) <= AS_DENSE * of_first)).sum() / n_alive)
    median = float(np.median(density_F[alive_F])) if alive_F.any() else 0.0
    numbers = {
        "one_position_fraction": at_one,
        "median_density": median,
        "density_of_the_first_position": of_first,
        "features_of_that_density": as_dense,
    }
    if at_one > bound:
        return (
            f"{at_one:.1%} of the live features fire at one position of the contexts only, at most {bound:.1%} may: "
            "they are about an attention sink or about position, not text; set prepend_bos: auto and skip_first: auto "
            "in the model card",
            numbers,
        )
    if as_dense > MANY and abs(median - of_first) <= AS_DENSE * of_first:
        return (
            f"the median density {median:.4g} is that of one position of the contexts, and {as_dense:.1%} of the live "
            "features have it: they may be about position, not text; look at feature.top_position",
            numbers,
        )
    return None, numbers
