"""Counts, sums and maxima of each feature equal a loop's, and do not depend on how the tokens were split."""

from functools import reduce
from operator import add

import numpy as np
import pytest
from random_codes import made

from models.features.firing_statistics import FiringStatistics


@pytest.mark.parametrize("seed", range(3))
def test_firing_equals_a_loop_over_all_slots(seed):
    some = made(seed)
    firing, table = FiringStatistics.of(some.fired()), some.table()
    for feature in range(some.codes.n_features):
        acts = table["act"][table["feature"] == feature]
        assert firing.n_F[feature] == len(acts)
        assert firing.sum_F[feature] == acts.sum()
        assert firing.squares_F[feature] == (acts**2).sum()
        assert firing.max_F[feature] == acts.max(initial=0)
        if len(acts):
            assert firing.mean_F[feature] == pytest.approx(acts.mean(), rel=1e-14)
            assert firing.std_F[feature] == pytest.approx(acts.std(), rel=1e-12)
    assert firing.n_tokens == len(some.token_T)
    assert firing.density_F.sum() * firing.n_tokens == pytest.approx(len(table["act"]))


@pytest.mark.parametrize("seed", range(8))
def test_firing_adds_up_whatever_the_split_and_the_order(seed):
    some = made(seed)
    parts = [FiringStatistics.of(some.fired(*run)) for run in some.parts(seed)]
    whole, left, right = FiringStatistics.of(some.fired()), reduce(add, parts), parts[0] + reduce(add, parts[1:])
    for value in (
        left,
        right,
        FiringStatistics.zero(some.codes.n_features) + left,
        sum(parts[::-1], FiringStatistics.zero(12)),
    ):
        for name in ("n_F", "sum_F", "squares_F", "max_F"):
            assert np.array_equal(getattr(value, name), getattr(whole, name)), name
        assert value.n_tokens == whole.n_tokens


def test_a_silent_feature_is_dead_and_has_no_mean():
    firing = FiringStatistics.of(made().fired())
    assert firing.is_dead_F.tolist() == [False] * 11 + [True]
    assert firing.dead_fraction == 1 / 12
    assert np.isnan(firing.mean_F[-1])
    assert np.isnan(firing.std_F[-1])
    assert firing.max_F[-1] == 0


def test_sums_of_many_activations_keep_their_digits():
    some = made(contexts=200)
    acts = some.codes.acts_TK.double() * 1.1
    some.codes.acts_TK.mul_(1.1)
    firing = FiringStatistics.of(some.fired())
    assert firing.sum_F.sum() == pytest.approx(float(acts.sum()), rel=1e-7)
