"""Controls are windows in which the feature is silent, the first on the feature's way round the circle of contexts."""

from functools import reduce
from operator import add

import numpy as np
import pytest
from random_codes import SPECIAL, made

from models.controls import _BEGIN, _CIRCLE, _PLACE, Controls
from models.draw import draw
from models.firing import Firing

WIDTH = 8


def listed(kept: Controls) -> list[tuple]:
    places, rank = kept.ranked()
    return sorted(
        zip(places.group.tolist(), rank.tolist(), places.context.tolist(), places.position.tolist(), strict=True)
    )


def by_loop(some, n: int) -> list[tuple]:
    fires = {name: column.tolist() for name, column in some.table().items()}
    firing = set(zip(fires["feature"], fires["context"], fires["position"], strict=True))
    found = []
    for feature in range(11):
        begin, silent = int(draw(np.array([feature]), _BEGIN, 0)[0]), []
        for context in some.contexts:
            text = [p for p, t in enumerate(context.token_ids.tolist()) if t != SPECIAL]
            one = np.array([context.context_id])
            row = int(draw(one, _PLACE, 0)[0]) % len(text)
            window = text[max(0, row - WIDTH // 2) : row + WIDTH // 2]
            if not any((feature, context.context_id, p) in firing for p in window):
                way = (int(draw(one, _CIRCLE, 0)[0]) - begin) % 2**32
                silent.append((way, context.context_id, text[row]))
        found += [(feature, rank, context, at) for rank, (_, context, at) in enumerate(sorted(silent)[:n])]
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [1, 4, 30])
def test_controls_equal_a_loop_whatever_the_split(seed, n):
    some, zero = made(seed, contexts=80), Controls.zero(12, n)
    alive_F = ~Firing.of(some.fired()).is_dead_F
    wanted = by_loop(some, n)
    assert listed(zero + zero.among(some.fired(), some.rows(), alive_F, WIDTH)) == wanted
    parts = [zero.among(some.fired(*run), some.rows(*run), alive_F, WIDTH) for run in some.parts(seed, 5)]
    assert listed(reduce(add, parts)) == listed(reduce(add, parts[::-1])) == wanted
    running = zero
    for run in some.parts(seed, 5):
        running += running.among(some.fired(*run), some.rows(*run), alive_F, WIDTH)
    assert listed(running) == wanted


def test_features_do_not_share_their_controls():
    some = made(4, contexts=300)
    alive_F = ~Firing.of(some.fired()).is_dead_F
    places, _ = Controls.zero(12, 5).among(some.fired(), some.rows(), alive_F, WIDTH).ranked()
    rare = [frozenset(places.context[places.group == feature].tolist()) for feature in (8, 9, 10)]
    assert len(set(rare)) == 3


def test_a_feature_that_fires_everywhere_has_no_control_and_a_dead_one_neither():
    some = made(1, n_features=4, k=3)
    some.codes.acts_TK.fill_(1.0)
    places, _ = (
        Controls.zero(4, 5).among(some.fired(), some.rows(), np.array([True, True, True, False]), WIDTH).ranked()
    )
    assert len(places.group) == 0
