"""How many tokens each pair of features shares, counted exactly over all tokens in bounded memory.

For each feature, the features of the tokens on which it fires are gathered and counted: a few nanoseconds a pair,
where a dense product would cost features squared a token. Counts are held for as many features at a time as memory
allows; the codes are read once for each such block.

Axes: F features, B of them in a block, T tokens, K features of a token at most, M firings.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import torch
from torch import Tensor

from models.features.firings import Firings

COUNT_BYTES = 2**30
FIRINGS_TOGETHER = 2**26

CodesFactory = Callable[[], Iterable[Firings]]
"""Gives all codes from the beginning, as often as it is called."""


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Some tokens' features from both sides: the features of each token, and the tokens of each feature."""

    features_TK: np.ndarray
    """Unused places hold `n_features`."""
    token_M: np.ndarray
    starts_F1: np.ndarray

    @classmethod
    def of(cls, fired: Firings) -> Iterator[Self]:
        """The tokens in classes of like number of features, so that few places are unused."""
        place_M = (fired.contexts_M - fired.first_context) * (
            int(fired.positions_M.max(initial=0)) + 1
        ) + fired.positions_M
        fires = np.bincount(place_M)
        for size in np.unique(np.ceil(np.log2(fires[fires > 0]))):
            mine = (fires > 2 ** (size - 1)) & (fires <= 2**size)
            yield cls._dense(fired, place_M, mine)

    @classmethod
    def _dense(cls, fired: Firings, place_M: np.ndarray, mine: np.ndarray) -> Self:
        token_of = np.cumsum(mine) - 1
        kept_M = np.flatnonzero(mine[place_M])
        token_M, feature_M = token_of[place_M[kept_M]], fired.features_M[kept_M]
        order = np.argsort(token_M.astype(np.uint16) if mine.sum() <= 2**16 else token_M, kind="stable")
        counts_T = np.bincount(token_M)
        slot = np.arange(len(order)) - np.repeat(np.cumsum(counts_T) - counts_T, counts_T)
        small = np.int16 if fired.n_features < 2**15 else np.int32
        features_TK = np.full((len(counts_T), counts_T.max()), fired.n_features, small)
        features_TK[token_M[order], slot] = feature_M[order]
        starts_F1 = np.searchsorted(feature_M, np.arange(fired.n_features + 1, dtype=feature_M.dtype))
        return cls(features_TK, token_M, starts_F1)

    def count(self, counts_BF: Tensor, first: int, strip: range) -> None:
        """Adds, for the features in `strip`, with whom they fire."""
        n_features = counts_BF.shape[1]
        for feature in strip:
            token_N = self.token_M[self.starts_F1[feature] : self.starts_F1[feature + 1]]
            if len(token_N):
                others = torch.from_numpy(self.features_TK.take(token_N, axis=0).ravel())
                counts_BF[feature - first] += torch.bincount(others, minlength=n_features + 1)[:n_features]


def _merge_small(codes: Iterable[Firings]) -> Iterator[Firings]:
    """Codes in blocks large enough that a feature meets in each, on average, as many others as there are features.

    Else clearing its counter, as long as the dictionary is wide, would cost more than counting.
    """
    held: Firings | None = None
    for fired in codes:
        held = fired if held is None else held + fired
        met = len(held.acts_M) ** 2 / max(held.n_tokens, 1)
        if met >= held.n_features**2 or len(held.acts_M) >= FIRINGS_TOGETHER:
            yield held
            held = None
    if held is not None:
        yield held


def cofiring_counts(
    codes: CodesFactory, n_features: int, memory: int = COUNT_BYTES
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Blocks of the matrix of shared tokens.

    Yields:
        The first feature of the block, its counts with all features (B, F), and every feature's firings (F,).
    """
    rows, n_threads = max(1, min(n_features, memory // (4 * n_features))), torch.get_num_threads()
    with ThreadPoolExecutor(n_threads) as threads:
        for first in range(0, n_features, rows):
            counts_BF = torch.zeros(min(rows, n_features - first), n_features, dtype=torch.int32)
            firings_F = torch.zeros(n_features, dtype=torch.int64)
            strips = [range(first + n, first + len(counts_BF), n_threads) for n in range(n_threads)]
            for fired in _merge_small(codes()):
                firings_F += torch.from_numpy(fired.counts_F)
                for tokens in _Tokens.of(fired):
                    list(threads.map(partial(tokens.count, counts_BF, first), strips))
            yield first, counts_BF, firings_F
