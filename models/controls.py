"""Text in which a feature is silent: what a label must not claim.

Axes: F features, C contexts that have text, in circular order, L of them looked at, M firings.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.draw import draw
from models.fired import Fired
from models.kept import Kept, Places
from models.rows import Rows

_PLACE, _CIRCLE, _BEGIN = 1, 2, 3


class Controls(Kept):
    """Of each living feature n windows in which it does not fire at all, of n contexts, drawn by hash.

    Every context offers one window, around a token that its hash points at, and has a place on a circle of 2**32 that
    its hash decides too. A feature begins at a point of its own and takes the first n windows on its way round in
    which it is silent.
    """

    __slots__ = ()

    @classmethod
    def zero(cls, n_features: int, n: int) -> Self:
        return cls.empty(n_features, n, once=True)

    def among(self, fired: Fired, rows: Rows, alive_F: np.ndarray, width: int, seed: int = 0) -> Self:
        """The first silent windows of some contexts, as far as they matter to this."""
        offers = _Offers.of(rows, seed)
        if not len(offers.row_C):
            return self.of(Places.none())
        loud_FC = offers.loud(fired, rows, width)
        begin_F = draw(np.arange(fired.n_features), _BEGIN, seed)
        first_F = np.searchsorted(offers.place_C, begin_F)
        features, found = np.flatnonzero(alive_F), []
        for look in (min(2 * self.n, len(offers.row_C)), len(offers.row_C)):
            at_FL = (first_F[features, None] + np.arange(look)) % len(offers.row_C)
            way_FL = (offers.place_C[at_FL] - begin_F[features, None]) & np.uint64(2**32 - 1)
            quiet_FL, near_FL = ~loud_FC[features[:, None], at_FL], way_FL <= self.floor_G[features, None]
            settled_F = (quiet_FL.sum(axis=1) >= self.n) | ~near_FL[:, -1] | (look == len(offers.row_C))
            taken_FL = quiet_FL & near_FL & settled_F[:, None] & (quiet_FL.cumsum(axis=1) <= self.n)
            found.append((features[taken_FL.nonzero()[0]], way_FL[taken_FL], at_FL[taken_FL]))
            features = features[~settled_F]
        feature, way, chosen = (np.concatenate(parts) for parts in zip(*found, strict=True))
        row = offers.row_C[chosen]
        context, position = rows.first_context + rows.context_R[row], rows.positions_R[row]
        return self.of(Places(feature, way, context, position, np.zeros(len(row), np.float32)))


@dataclass(frozen=True, slots=True)
class _Offers:
    """The windows that some contexts offer, by their place on the circle: the row of text that each lies around."""

    row_C: np.ndarray
    place_C: np.ndarray

    @classmethod
    def of(cls, rows: Rows, seed: int) -> Self:
        some_C = np.flatnonzero(rows.lengths_C)
        ids_C = rows.first_context + some_C
        row_C = rows.starts_C[some_C] + draw(ids_C, _PLACE, seed).astype(np.int64) % rows.lengths_C[some_C]
        place_C = draw(ids_C, _CIRCLE, seed)
        order = np.argsort(place_C, kind="stable")
        return cls(row_C[order], place_C[order])

    def loud(self, fired: Fired, rows: Rows, width: int) -> np.ndarray:
        """Whether a feature fires in the offered window: [F, C]."""
        begin_C, end_C = rows.window(self.row_C, width)
        offer_R = np.full(len(rows.tokens_R), -1, dtype=np.int32)
        for begin, end, number in zip(begin_C, end_C, range(len(begin_C)), strict=True):
            offer_R[begin:end] = number
        offer_M = offer_R[rows.at(fired.contexts_M, fired.positions_M)]
        inside_M = offer_M >= 0
        loud_FC = np.zeros((fired.n_features, len(begin_C)), bool)
        loud_FC[fired.features_M[inside_M], offer_M[inside_M]] = True
        return loud_FC
