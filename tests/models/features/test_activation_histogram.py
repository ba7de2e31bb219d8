"""Bins are equal, half-open at the bottom, and hold every firing once."""

from functools import reduce
from operator import add

import duckdb
import numpy as np
import pytest
from random_codes import made

from models.features.activation_histogram import ActivationHistogram, bin_index
from models.features.firing_statistics import FiringStatistics


@pytest.mark.parametrize("bins", [1, 7, 10, 50])
@pytest.mark.parametrize("factor", [1.0, 0.1, 1e-20])
def test_a_bin_holds_exactly_what_lies_between_its_edges(bins, factor):
    some = made(bins)
    some.codes.acts_TK.mul_(factor)
    max_F = FiringStatistics.of(some.fired()).max_F
    rows = ActivationHistogram.of(some.fired(), max_F, bins).rows(max_F).to_pydict()
    table = some.table()
    assert len(rows["n"]) == 11 * bins
    for feature, lower, upper, n in zip(rows["feature_id"], rows["lower"], rows["upper"], rows["n"], strict=True):
        acts = table["act"][table["feature"] == feature]
        assert n == ((lower < acts) & (acts <= upper)).sum(), (feature, lower, upper)


@pytest.mark.parametrize("seed", range(5))
def test_the_bins_of_a_feature_add_up_to_its_firings(seed):
    some = made(seed)
    some.codes.acts_TK.mul_(1 / 3)
    firing = FiringStatistics.of(some.fired())
    whole = ActivationHistogram.of(some.fired(), firing.max_F, 50)
    assert np.array_equal(whole.n_FB.sum(axis=1), firing.n_F)
    parts = [ActivationHistogram.of(some.fired(*run), firing.max_F, 50) for run in some.parts(seed)]
    assert np.array_equal(reduce(add, parts).n_FB, whole.n_FB)
    assert np.array_equal((ActivationHistogram.zero(12, 50) + whole).n_FB, whole.n_FB)


def test_the_last_bin_ends_at_the_maximum_to_the_last_bit():
    some = made(3)
    some.codes.acts_TK.mul_(0.7)
    max_F = FiringStatistics.of(some.fired()).max_F
    rows = ActivationHistogram.of(some.fired(), max_F, 13).rows(max_F).to_pydict()
    ends = [upper for bin, upper in zip(rows["bin"], rows["upper"], strict=True) if bin == 12]
    assert ends == max_F[:11].tolist()
    assert bin_index(some.fired(), max_F, 13).min() == 0
    assert bin_index(some.fired(), max_F, 13).max() == 12


def test_a_histogram_agrees_with_sql():
    some = made(11, contexts=200)
    max_F = FiringStatistics.of(some.fired()).max_F
    rows = ActivationHistogram.of(some.fired(), max_F, 10).rows(max_F)
    with duckdb.connect() as con:
        con.register("bins", rows)
        con.register("codes", {name: np.ascontiguousarray(column) for name, column in some.table().items()})
        counted = con.execute("""
            select b.feature_id, b.bin, count(c.act) from bins b left join codes c
                on c.feature = b.feature_id and c.act > b.lower and c.act <= b.upper group by all order by all
        """).fetchall()
    assert counted == list(zip(*(rows.column(name).to_pylist() for name in ("feature_id", "bin", "n")), strict=True))
