"""Text in which a feature is silent: what a label must not claim.

Position is a confounder: a label that holds wherever a context begins tells a feature of the first tokens from text
elsewhere without saying anything of text. So the tokens that controls lie around are spread over the positions of a
context as the feature's firings are.

Axes: F features, C contexts that have text, in circular order, L of them looked at, K position classes, M firings.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.corpora.token_rows import TokenRows
from models.features.firing_positions import CLASSES, position_class
from models.features.firings import Firings
from models.numerics.hash_sampling import hash_draw
from models.numerics.keyed_reservoir import Candidates, KeyedReservoir

_PLACE, _CIRCLE, _BEGIN, _CLASS = 1, 2, 3, 2**40


class ControlWindows(KeyedReservoir):
    """Of each living feature n windows in which it does not fire at all, of n contexts, drawn by hash.

    Every context offers a feature one window, around a token that its hash points at, of a class of positions that is
    drawn for the two as the feature's firings are spread over the classes. A context has a place on a circle of 2**32
    that its hash decides too; a feature begins at a point of its own and takes the first n windows on its way round in
    which it is silent.
    """

    __slots__ = ()

    @classmethod
    def zero(cls, n_features: int, n: int) -> Self:
        return cls.empty(n_features, n, once=True)

    def among(self, fired: Firings, rows: TokenRows, shares_FK: np.ndarray, width: int, seed: int = 0) -> Self:
        """The first silent windows of some contexts, as far as they matter to this.

        Args:
            fired: What fires in the contexts.
            rows: Their text.
            shares_FK: Share of each feature's firings in each class of positions; a feature without any has no
                controls.
            width: Tokens of a window.
            seed: Of the draws.
        """
        offers = _CandidateWindows.of(rows, seed)
        n_contexts = len(offers.context_C)
        if not n_contexts:
            return self.of(Candidates.none())
        below_FK = np.cumsum(shares_FK, axis=1)
        begin_F = hash_draw(np.arange(fired.n_features), _BEGIN, seed)
        first_F = np.searchsorted(offers.place_C, begin_F)
        place_M = fired.features_M.astype(np.int64) * len(rows.tokens_R) + rows.at(fired.contexts_M, fired.positions_M)
        features, found = np.flatnonzero(below_FK[:, -1] > 0), []
        for look in (min(2 * self.n, n_contexts), n_contexts):
            at_FL = (first_F[features, None] + np.arange(look)) % n_contexts
            way_FL = (offers.place_C[at_FL] - begin_F[features, None]) & np.uint64(2**32 - 1)
            near_FL = way_FL <= self.floor_G[features, None]
            row_FL = np.full(at_FL.shape, -1)
            row_FL[near_FL] = offers.rows(features[near_FL.nonzero()[0]], at_FL[near_FL], below_FK, seed)
            quiet_FL = row_FL >= 0
            quiet_FL[quiet_FL] = ~_fires(features[quiet_FL.nonzero()[0]], row_FL[quiet_FL], rows, place_M, width)
            settled_F = (quiet_FL.sum(axis=1) >= self.n) | ~near_FL[:, -1] | (look == n_contexts)
            taken_FL = quiet_FL & settled_F[:, None] & (quiet_FL.cumsum(axis=1) <= self.n)
            found.append((features[taken_FL.nonzero()[0]], way_FL[taken_FL], row_FL[taken_FL]))
            features = features[~settled_F]
        feature, way, row = (np.concatenate(parts) for parts in zip(*found, strict=True))
        context, position = rows.first_context + rows.context_R[row], rows.positions_R[row]
        return self.of(Candidates(feature, way, context, position, np.zeros(len(row), np.float32)))


def _fires(feature_N: np.ndarray, row_N: np.ndarray, rows: TokenRows, place_M: np.ndarray, width: int) -> np.ndarray:
    """Whether each feature fires in the window around each row; `place_M` are the firings by feature and row."""
    begin_N, end_N = rows.window(row_N, width)
    first_N, last_N = (np.searchsorted(place_M, feature_N * len(rows.tokens_R) + edge_N) for edge_N in (begin_N, end_N))
    return last_N > first_N


@dataclass(frozen=True, slots=True)
class _CandidateWindows:
    """For every context that has text, by its place on the circle, a row of text of each class of positions."""

    context_C: np.ndarray
    place_C: np.ndarray
    row_CK: np.ndarray
    """-1 where the context has no token of the class."""

    @classmethod
    def of(cls, rows: TokenRows, seed: int) -> Self:
        kind_R = position_class(rows.positions_R - rows.first_read)
        place_R = rows.context_R * (len(CLASSES) + 1) + kind_R + 1
        n_CK = np.bincount(place_R, minlength=len(rows.contexts) * (len(CLASSES) + 1)).reshape(-1, len(CLASSES) + 1)
        first_CK = rows.starts_C[:, None] + np.cumsum(n_CK, axis=1)[:, :-1]
        n_CK = n_CK[:, 1:]
        ids_C = rows.first_context + np.arange(len(rows.contexts))
        chance_CK = hash_draw(ids_C[:, None], _PLACE + np.arange(len(CLASSES)) * 2**32, seed).astype(np.int64)
        row_CK = np.where(n_CK > 0, first_CK + chance_CK % np.maximum(n_CK, 1), -1)
        some_C = np.flatnonzero(n_CK.sum(axis=1))
        place_C = hash_draw(ids_C[some_C], _CIRCLE, seed)
        order = np.argsort(place_C, kind="stable")
        return cls(ids_C[some_C][order], place_C[order], row_CK[some_C][order])

    def rows(self, feature_N: np.ndarray, at_N: np.ndarray, below_FK: np.ndarray, seed: int) -> np.ndarray:
        """The row that each context offers to each feature; -1 where it has none of the class that was drawn."""
        chance_N = hash_draw(self.context_C[at_N], _CLASS + feature_N, seed) / 2**32
        kind_N = (chance_N[:, None] >= below_FK[feature_N, :-1]).sum(axis=1)
        return self.row_CK[at_N, kind_N]
