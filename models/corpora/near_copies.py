"""Near copies among documents: groups whose members share most of their runs of five tokens.

Two documents are near copies if the Jaccard similarity of their sets of shingles (five consecutive tokens) is at least
one half, as estimated by MinHash (Broder 1997) with 126 permutations: the estimate's standard error is at most .045.
Candidates share one of 42 bands of three hashes, which misses a pair at similarity .5 once in 270. What is near to a
near copy is in its group.
"""

from collections.abc import Iterable

import numpy as np
from rensa.rensa import RMinHash

SHINGLE, PERMUTATIONS, BAND, SIMILARITY = 5, 126, 3, 0.5
_MIX = np.uint64(0x9E3779B97F4A7C15)


class NearCopies:
    """MinHash signatures of documents, 504 bytes each, and the groups that they make."""

    def __init__(self) -> None:
        self._document_ids: list[str] = []
        self._signatures: list[np.ndarray] = []

    def add(self, document_id: str, token_ids: np.ndarray) -> None:
        """Takes in one document by all of its tokens."""
        hashes = shingle_hashes(token_ids)
        ends = np.array([0, len(hashes)], dtype=np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, ends, PERMUTATIONS, 0)
        self._document_ids.append(document_id)
        self._signatures.append(np.array(matrix.to_rows()[0], dtype=np.uint32))

    def groups(self) -> dict[str, str]:
        """For every document the first, by name, of its group: itself where it has no near copy."""
        parents = list(range(len(self._document_ids)))
        if self._signatures:
            for one, other in _candidates(np.stack(self._signatures)):
                if np.mean(self._signatures[one] == self._signatures[other]) >= SIMILARITY:
                    _join(parents, one, other)
        first: dict[int, str] = {}
        roots = [_root(parents, number) for number in range(len(parents))]
        for name, root in zip(self._document_ids, roots, strict=True):
            first[root] = min(name, first.get(root, name))
        return {name: first[root] for name, root in zip(self._document_ids, roots, strict=True)}


def shingle_hashes(token_ids: np.ndarray) -> np.ndarray:
    """Hashes of the distinct runs of five tokens; of the whole where it is shorter. Shape (S,), uint64."""
    tokens = np.asarray(token_ids).astype(np.uint64) + np.uint64(1)
    width = min(SHINGLE, len(tokens))
    hashes = np.zeros(len(tokens) - width + 1, dtype=np.uint64)
    for place in range(width):
        hashes = (hashes ^ tokens[place : place + len(hashes)]) * _MIX
        hashes ^= hashes >> np.uint64(29)
    return np.unique(hashes)


def _candidates(signatures_ND: np.ndarray) -> Iterable[tuple[int, int]]:
    """Pairs that share a band: each document with the first and with the one before it of those that do."""
    for start in range(0, PERMUTATIONS, BAND):
        _, which_N = np.unique(signatures_ND[:, start : start + BAND], axis=0, return_inverse=True)
        order_N = np.argsort(which_N, kind="stable")
        is_new_N = np.diff(which_N[order_N], prepend=-1) != 0
        first_N = order_N[np.maximum.accumulate(np.where(is_new_N, np.arange(len(order_N)), 0))]
        others = np.flatnonzero(~is_new_N)
        yield from zip(first_N[others].tolist(), order_N[others].tolist(), strict=True)
        yield from zip(order_N[others - 1].tolist(), order_N[others].tolist(), strict=True)


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number


def _join(parents: list[int], one: int, other: int) -> None:
    parents[_root(parents, other)] = _root(parents, one)
