"""A fair sample of each feature's firings from weak to strong.

Axes: F features, I intervals, M firings.
"""

from typing import Self

import numpy as np

from models.features.activation_histogram import bin_index
from models.features.firings import Firings
from models.numerics.hash_sampling import hash_draw
from models.numerics.keyed_reservoir import Candidates, KeyedReservoir


class IntervalSample(KeyedReservoir):
    """From each of I equal slices of (0, max activation] of each feature, n firings drawn by hash, never by arrival.

    A context comes twice only where a slice has fewer contexts than n. Group number = feature x I + interval.
    """

    __slots__ = ()

    @classmethod
    def zero(cls, n_features: int, intervals: int, n: int) -> Self:
        return cls.empty(n_features * intervals, n, once=False)

    def among(self, fired: Firings, max_F: np.ndarray, seed: int = 0) -> Self:
        """The draw of some firings, as far as they matter to this."""
        intervals = len(self.floor_G) // fired.n_features
        group_M = fired.features_M * intervals + bin_index(fired, max_F, intervals)
        where_M = (fired.features_M.astype(np.uint64) << np.uint64(32)) | fired.positions_M.astype(np.uint64)
        key_M = hash_draw(fired.contexts_M, where_M, seed)
        passed = np.flatnonzero(key_M <= self.floor_G[group_M])
        return self.of(
            Candidates(
                group_M[passed],
                key_M[passed],
                fired.contexts_M[passed],
                fired.positions_M[passed],
                fired.acts_M[passed],
            )
        )
