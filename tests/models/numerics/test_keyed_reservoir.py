"""Groups are told apart however many there are, or refused before anything is kept."""

import numpy as np
import pytest

from models.numerics.keyed_reservoir import MAX_GROUPS, Candidates, KeyedReservoir

FAR = 2**24 + 3


def candidates(groups: list[int], keys: list[int], contexts: list[int]) -> Candidates:
    positions, acts = np.arange(len(groups), dtype=np.int32), np.ones(len(groups), np.float32)
    return Candidates(np.array(groups), np.array(keys, np.uint64), np.array(contexts), positions, acts)


def kept_groups_and_contexts(reservoir: KeyedReservoir) -> list[tuple[int, int]]:
    places, _ = reservoir.ranked()
    return list(zip(places.group.tolist(), places.context.tolist(), strict=True))


def test_contexts_come_once_in_groups_beyond_sixteen_million():
    """A dictionary of 2 million features with 10 intervals has 20 million groups."""
    nothing = KeyedReservoir.empty(FAR + 1, 2, once=True)
    some = candidates([3, 3, FAR, FAR, FAR], [1, 2, 3, 4, 5], [2**33, 2**33, 2**33, 2**33, 7])
    assert kept_groups_and_contexts(nothing + nothing.of(some)) == [(3, 2**33), (FAR, 2**33), (FAR, 7)]


def test_more_groups_than_can_be_told_apart_are_refused_at_once():
    with pytest.raises(ValueError, match=r"4,294,967,297 groups .* ask for fewer intervals"):
        KeyedReservoir.empty(MAX_GROUPS + 1, 1, once=False)


def test_contexts_and_groups_that_no_integer_holds_together_are_refused():
    nothing = KeyedReservoir.empty(FAR + 1, 1, once=False)
    with pytest.raises(ValueError, match="take a smaller corpus"):
        nothing.of(candidates([FAR], [1], [2**41]))
