"""Where each feature fires most strongly.

Axes: M firings.
"""

from typing import Self

import numpy as np

from models.features.firings import Firings
from models.numerics.keyed_reservoir import Candidates, KeyedReservoir


class TopActivations(KeyedReservoir):
    """The n strongest firings of each feature, at most one of a context; ties go to the earlier token."""

    __slots__ = ()

    @classmethod
    def zero(cls, n_features: int, n: int) -> Self:
        return cls.empty(n_features, n, once=True)

    def among(self, fired: Firings) -> Self:
        """The strongest of some firings, as far as they matter to this: one comparison for each that does not."""
        key_M = ~fired.acts_M.view(np.uint32)
        passed = np.flatnonzero(key_M <= fired.spread(self.floor_G))
        return self.of(
            Candidates(
                fired.features_M[passed],
                key_M[passed].astype(np.uint64),
                fired.contexts_M[passed],
                fired.positions_M[passed],
                fired.acts_M[passed],
            )
        )
