"""Keep the n smallest keys per group, preferring one per context: a mergeable reservoir that selects examples.

A running threshold per group makes what cannot be kept cost one comparison. The value has a zero and a plus, and
neither the split of the tokens nor the order of the parts can be seen in it.

Axes: G groups, M candidates, S kept ones.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

NO_THRESHOLD = np.uint64(2**64 - 1)
_LOW = np.uint64(2**32 - 1)
MAX_GROUPS = 2**32
"""A group's number stands above a key of 32 bits in one integer of 64."""


class Candidates(NamedTuple):
    """Candidates, or kept ones: group, key, context, position and activation of each."""

    group: np.ndarray
    key: np.ndarray
    context: np.ndarray
    position: np.ndarray
    act: np.ndarray

    def at(self, chosen: np.ndarray) -> "Candidates":
        return Candidates(*(column[chosen] for column in self))

    def __add__(self, other: "Candidates") -> "Candidates":  # type: ignore[override]
        return Candidates(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))

    @classmethod
    def none(cls) -> Self:
        return cls(*(np.zeros(0, kind) for kind in (np.int64, np.uint64, np.int64, np.int32, np.float32)))


@dataclass(frozen=True, slots=True)
class KeyedReservoir:
    """Of each group the n places first in the order of (turn, key, context, position).

    A place's turn is the number of places of its group and context that precede it, so that a context comes a second
    time only after every context came once; with `once`, it never does. Keys are 32 bits wide; a kept place's key has
    its turn above them.
    """

    places: Candidates
    floor_G: np.ndarray
    """The key that a newcomer may not exceed: the last kept one's, where a group is full."""
    n: int
    once: bool

    @classmethod
    def empty(cls, n_groups: int, n: int, *, once: bool) -> Self:
        """Nothing kept yet.

        Raises:
            ValueError: If there are more groups than can be told apart.
        """
        if n_groups > MAX_GROUPS:
            raise ValueError(
                f"{n_groups:,} groups of examples (features times intervals) are more than the {MAX_GROUPS:,} that can "
                "be told apart: ask for fewer intervals, or divide the dictionary"
            )
        return cls(Candidates.none(), np.full(n_groups, NO_THRESHOLD), n, once)

    def of(self, places: Candidates) -> Self:
        """The kept ones of some candidates alone; these come by context and position within each group."""
        first = _first(places, np.argsort(_group_and_key(places), kind="stable"), self.n, self.once)
        return replace(self, places=first, floor_G=_floors(first, len(self.floor_G), self.n))

    def __add__(self, other: Self) -> Self:
        touched_G = np.zeros(len(self.floor_G), bool)
        touched_G[other.places.group] = True
        changed_S = touched_G[self.places.group]
        both = self.places.at(changed_S) + other.places
        both = both._replace(key=both.key & _LOW)
        order = np.lexsort((both.position, both.context, _group_and_key(both)))
        merged = _first(both, order, self.n, self.once)
        floor_G = np.where(touched_G, _floors(merged, len(self.floor_G), self.n), self.floor_G)
        return replace(self, places=self.places.at(~changed_S) + merged, floor_G=floor_G)

    def ranked(self) -> tuple[Candidates, np.ndarray]:
        """All kept places by group and rank, with their ranks from 0."""
        order = np.argsort(self.places.group, kind="stable")
        places = self.places.at(order)
        return places, _rank(places.group)


def _group_and_key(places: Candidates) -> np.ndarray:
    return (places.group.astype(np.uint64) << np.uint64(32)) | places.key


def _rank(runs: np.ndarray) -> np.ndarray:
    """Place of each element in its run of equal values."""
    if not len(runs):
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.concatenate([[True], runs[1:] != runs[:-1]]))
    return np.arange(len(runs)) - np.repeat(starts, np.diff(np.append(starts, len(runs))))


def _turn(places: Candidates) -> np.ndarray:
    """For places in order, how many of the same group and context stand before each."""
    context_bits, group_bits = (int(ids.max(initial=0)).bit_length() for ids in (places.context, places.group))
    if context_bits + group_bits > 64:
        raise ValueError(
            f"contexts up to number {places.context.max():,} in groups up to {places.group.max():,} do not fit into "
            "one integer of 64 bits: take a smaller corpus, or ask for fewer intervals"
        )
    together = (places.group.astype(np.uint64) << np.uint64(context_bits)) | places.context.astype(np.uint64)
    order = np.argsort(together, kind="stable")
    turn = np.empty(len(order), np.uint64)
    turn[order] = _rank(together[order])
    return turn


def _first(places: Candidates, order: np.ndarray, n: int, once: bool) -> Candidates:
    """The n smallest keys per group, given the order of (group, key, context, position); by group and rank."""
    places = places.at(order)
    turn = _turn(places)
    kept = turn < (1 if once else n)
    places, turn = places.at(kept), turn[kept]
    if turn.any():
        places = places._replace(key=places.key | (turn << np.uint64(32)))
        places = places.at(np.lexsort((places.key, places.group)))
    return places.at(_rank(places.group) < n)


def _floors(places: Candidates, n_groups: int, n: int) -> np.ndarray:
    """The last key of each full group; of the others, one that nothing exceeds."""
    floor_G = np.full(n_groups, NO_THRESHOLD)
    full = _rank(places.group) == n - 1
    floor_G[places.group[full]] = places.key[full]
    return floor_G
