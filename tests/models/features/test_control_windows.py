"""Controls are windows in which the feature is silent, the first on the feature's way round the circle of contexts."""

from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import pytest
from random_codes import SPECIAL, made

from models.activations.position_buckets import PositionBuckets
from models.features.control_windows import _BEGIN, _CIRCLE, _CLASS, _PLACE, ControlWindows
from models.features.firing_positions import CLASSES, FiringPositions
from models.numerics.hash_sampling import hash_draw

WIDTH = 8
COLUMNS = ("features", "contexts", "positions", "acts")


def listed(kept: ControlWindows) -> list[tuple]:
    places, rank = kept.ranked()
    return sorted(
        zip(places.group.tolist(), rank.tolist(), places.context.tolist(), places.position.tolist(), strict=True)
    )


def shares(some) -> np.ndarray:
    """Share of each feature's firings in each class of positions, by a loop."""
    n_FK = np.zeros((some.codes.n_features, len(CLASSES)))
    for feature, position in zip(some.table()["feature"].tolist(), some.table()["position"].tolist(), strict=True):
        n_FK[feature, max(k for k, first in enumerate(CLASSES) if first <= position)] += 1
    return n_FK / np.maximum(n_FK.sum(axis=1, keepdims=True), 1)


def by_loop(some, n: int) -> list[tuple]:
    fires = {name: column.tolist() for name, column in some.table().items()}
    firing = set(zip(fires["feature"], fires["context"], fires["position"], strict=True))
    found, below_FK = [], np.cumsum(shares(some), axis=1)
    for feature in range(11):
        begin, silent = int(hash_draw(np.array([feature]), _BEGIN, 0)[0]), []
        for context in some.contexts:
            text = [p for p, t in enumerate(context.token_ids.tolist()) if t != SPECIAL]
            one = np.array([context.context_id])
            kind = int((hash_draw(one, _CLASS + feature, 0)[0] / 2**32 >= below_FK[feature, :-1]).sum())
            end = CLASSES[kind + 1] if kind + 1 < len(CLASSES) else 10**6
            offered = [row for row, p in enumerate(text) if CLASSES[kind] <= p < end]
            if not offered:
                continue
            row = offered[int(hash_draw(one, _PLACE + kind * 2**32, 0)[0]) % len(offered)]
            window = text[max(0, row - WIDTH // 2) : row + WIDTH // 2]
            if not any((feature, context.context_id, p) in firing for p in window):
                way = (int(hash_draw(one, _CIRCLE, 0)[0]) - begin) % 2**32
                silent.append((way, context.context_id, text[row]))
        found += [(feature, rank, context, at) for rank, (_, context, at) in enumerate(sorted(silent)[:n])]
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [1, 4, 30])
def test_controls_equal_a_loop_whatever_the_split(seed, n):
    some, zero = made(seed, contexts=80), ControlWindows.zero(12, n)
    shares_FK = shares(some)
    wanted = by_loop(some, n)
    assert listed(zero + zero.among(some.fired(), some.rows(), shares_FK, WIDTH)) == wanted
    parts = [zero.among(some.fired(*run), some.rows(*run), shares_FK, WIDTH) for run in some.parts(seed, 5)]
    assert listed(reduce(add, parts)) == listed(reduce(add, parts[::-1])) == wanted
    running = zero
    for run in some.parts(seed, 5):
        running += running.among(some.fired(*run), some.rows(*run), shares_FK, WIDTH)
    assert listed(running) == wanted


def test_features_do_not_share_their_controls():
    some = made(4, contexts=300)
    shares_FK = shares(some)
    places, _ = ControlWindows.zero(12, 5).among(some.fired(), some.rows(), shares_FK, WIDTH).ranked()
    rare = [frozenset(places.context[places.group == feature].tolist()) for feature in (8, 9, 10)]
    assert len(set(rare)) == 3


def test_a_feature_that_fires_everywhere_has_no_control_and_a_dead_one_neither():
    some = made(1, n_features=4, k=3)
    some.codes.acts_TK.fill_(1.0)
    places, _ = (
        ControlWindows.zero(4, 5)
        .among(some.fired(), some.rows(), np.eye(4, 8)[[0, 0, 0, 3]] * [[1], [1], [1], [0]], WIDTH)
        .ranked()
    )
    assert len(places.group) == 0


def test_controls_lie_where_the_feature_fires():
    """A feature of the second text token has its controls around second tokens; one that fires anywhere, anywhere."""
    some = made(5, contexts=4000)
    rows, shares_FK = some.rows(), np.zeros((12, len(CLASSES)))
    shares_FK[0, 2], shares_FK[1] = 1.0, [0, 0.25, 0.75, 0, 0, 0, 0, 0]
    nothing = some.fired(0, 1)
    silent = replace(some.fired(), **{f"{name}_M": getattr(nothing, f"{name}_M")[:0] for name in COLUMNS})
    places, _ = ControlWindows.zero(12, 400).among(silent, rows, shares_FK, WIDTH).ranked()
    assert set(places.position[places.group == 0].tolist()) == {2}
    kinds = np.searchsorted(CLASSES, places.position[places.group == 1], side="right") - 1
    found = np.bincount(kinds, minlength=8) / len(kinds)
    assert np.abs(found - shares_FK[1]).max() < 0.08, found
    assert set(places.group.tolist()) == {0, 1}


def test_positions_of_firings_equal_a_loop_whatever_the_split():
    some = made(3, contexts=200)
    zero = FiringPositions.zero(PositionBuckets.of(64), 12)
    whole, table = zero.of(some.fired()), some.table()
    parts = [zero.of(some.fired(*run)) for run in some.parts(3, 5)]
    assert np.array_equal(reduce(add, parts).n_FB, whole.n_FB)
    assert np.allclose(whole.class_shares_FK(), shares(some))
    position_F, share_F = whole.top()
    for feature in range(11):
        mine = table["position"][table["feature"] == feature]
        values, counts = np.unique(mine, return_counts=True)
        assert share_F[feature] == counts.max() / len(mine)
        assert position_F[feature] == values[counts.argmax()]
        assert whole.start_share_F()[feature] == (mine < 4).mean()
