"""Windows that look as if a feature fired in them, and in which it is silent: examples of the features near it.

Axes: R rows of the gallery, E those that are examples of the wanted half, K pairs of near features, P pairs of a
feature and a row of another, M firings.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa

from models.autointerp.example_set import ExampleSet
from models.features.firings import Firings
from models.numerics.hash_sampling import hash_draw

CANDIDATES = 128
"""Windows that are looked at for one feature, so that memory is bounded."""
TOGETHER = 4096
"""Features whose candidates are listed at a time."""


def hard_negatives(
    gallery: ExampleSet, neighbors: pa.Table, codes: Iterable[Firings] | None, n: int, *, for_scoring: bool
) -> dict[int, np.ndarray]:
    """Of each feature up to n windows of features that fire on the same tokens, in which it does not fire itself.

    Taken in turns from the near features, the nearest first, and from each in an order drawn by hash; at most one of
    a context. Where nothing fires with a feature, those that point alike stand in.

    Args:
        gallery: Examples of all features.
        neighbors: Rows of `neighbor` of this dictionary.
        codes: Every firing of every context, read once. Without them silence cannot be verified, and there is none.
        n: Windows of a feature.
        for_scoring: Of which half.

    Returns:
        Rows of the gallery by feature, in the order of preference; features without any are missing.
    """
    if codes is None:
        return {}
    feature_P, row_P = _candidates(gallery, neighbors, for_scoring)
    silent_P = _is_silent(gallery, feature_P, row_P, codes)
    return _first(gallery, feature_P[silent_P], row_P[silent_P], n)


def _near(gallery: ExampleSet, neighbors: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Features of the gallery and those near them, the nearest first: coactive ones, or else those that point alike."""
    feature_K, rank_K, other_K = (
        neighbors[name].to_numpy().astype(np.int64) for name in ("feature_id", "rank", "other_feature_id")
    )
    coactive_K = np.array(neighbors["kind"].to_pylist(), dtype=str) == "cofiring_jaccard"
    kept_K = coactive_K | ~np.isin(feature_K, feature_K[coactive_K])
    kept_K &= np.isin(feature_K, gallery.features) & (other_K != feature_K)
    order = np.lexsort((rank_K[kept_K], feature_K[kept_K]))
    return feature_K[kept_K][order], other_K[kept_K][order]


def _candidates(gallery: ExampleSet, neighbors: pa.Table, for_scoring: bool) -> tuple[np.ndarray, np.ndarray]:
    """Features and rows of features near them, by feature and preference."""
    row_E = np.flatnonzero(~gallery.is_control_R & (gallery.scores_R == for_scoring))
    lot_E = hash_draw(gallery.column("context_id")[row_E], gallery.position_R[row_E], 0)
    row_E = row_E[np.lexsort((lot_E, gallery.feature_R[row_E]))]
    owner_E = gallery.feature_R[row_E]
    feature_K, other_K = _near(gallery, neighbors)
    first_K, end_K = (np.searchsorted(owner_E, other_K, side) for side in ("left", "right"))
    parts = [(np.empty(0, np.int32), np.empty(0, np.int32))]
    for some in _blocks(feature_K):
        count_K = (end_K - first_K)[some]
        near_P = np.repeat(np.arange(len(count_K)), count_K)
        place_P = np.arange(len(near_P)) - np.repeat(np.cumsum(count_K) - count_K, count_K)
        feature_P = feature_K[some][near_P]
        order = np.lexsort((near_P, place_P, feature_P))
        order = order[_place_in_run(feature_P[order]) < CANDIDATES]
        row_P = row_E[first_K[some][near_P[order]] + place_P[order]]
        parts.append((feature_P[order].astype(np.int32), row_P.astype(np.int32)))
    feature, row = zip(*parts, strict=True)
    return np.concatenate(feature), np.concatenate(row)


def _blocks(feature_K: np.ndarray) -> Iterator[slice]:
    """Slices of whole features."""
    starts = np.flatnonzero(np.diff(feature_K, prepend=-1))[::TOGETHER].tolist()
    return (slice(a, b) for a, b in pairwise([*starts, len(feature_K)]))


def _place_in_run(sorted_P: np.ndarray) -> np.ndarray:
    """How many equal values stand directly before each."""
    return np.arange(len(sorted_P)) - np.searchsorted(sorted_P, sorted_P)


def _is_silent(gallery: ExampleSet, feature_P: np.ndarray, row_P: np.ndarray, codes: Iterable[Firings]) -> np.ndarray:
    """Whether the codes show the window and no firing of the feature in it."""
    context_R, begin_R = gallery.column("context_id"), gallery.position_R - gallery.peak_R
    end_R = begin_R + np.diff(gallery.start_R)
    by_context = np.argsort(context_R[row_P], kind="stable")
    context_P = context_R[row_P[by_context]]
    silent_P = np.zeros(len(row_P), bool)
    for fired in codes:
        edges = np.searchsorted(context_P, [fired.first_context, fired.last_context + 1])
        mine = np.sort(by_context[slice(*edges)])  # by feature again, as the firings are: each search is near the last
        rows = row_P[mine]
        silent_P[mine] = ~_fires(fired, feature_P[mine], context_R[rows], begin_R[rows], end_R[rows])
    return silent_P


def _fires(
    fired: Firings, feature_N: np.ndarray, context_N: np.ndarray, begin_N: np.ndarray, end_N: np.ndarray
) -> np.ndarray:
    """Whether each feature fires from a position of a context to before another."""
    width = max(int(fired.positions_M.max(initial=0)) + 1, int(end_N.max(initial=0)))
    n_contexts = fired.last_context - fired.first_context + 1
    key_M = fired.features_M.astype(np.int64) * n_contexts + (fired.contexts_M - fired.first_context)
    key_M = key_M * width + fired.positions_M
    key_N = (feature_N.astype(np.int64) * n_contexts + (context_N - fired.first_context)) * width
    return np.searchsorted(key_M, key_N + begin_N) < np.searchsorted(key_M, key_N + end_N)


def _first(gallery: ExampleSet, feature_P: np.ndarray, row_P: np.ndarray, n: int) -> dict[int, np.ndarray]:
    """The first n rows of each feature, of a context only the first."""
    context_P = gallery.column("context_id")[row_P].astype(np.int64)
    place_P = feature_P * (context_P.max(initial=0) + 1) + context_P
    kept = np.sort(np.unique(place_P, return_index=True)[1])
    kept = kept[_place_in_run(feature_P[kept]) < n]
    features, first = np.unique(feature_P[kept], return_index=True)
    rows = np.split(row_P[kept].astype(np.int64), first[1:])
    return dict(zip(features.tolist(), rows, strict=False))
