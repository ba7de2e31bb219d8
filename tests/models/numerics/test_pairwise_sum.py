"""A sum in pairs is the same to the last bit whoever adds which blocks."""

from fractions import Fraction

import numpy as np
import pytest

from models.numerics.pairwise_sum import PairwiseSum, block_size


def total(terms):
    added = PairwiseSum()
    for term in terms:
        added.add(term)
    return added.total()


@pytest.mark.parametrize("n", range(1, 34))
def test_blocks_of_any_power_of_two_add_up_to_the_same_bits(n):
    terms = (np.random.default_rng(n).normal(size=(n, 50)) * 10.0 ** np.arange(-25, 25)).astype(float)
    whole = total(terms)
    for size in (1, 2, 4, 8, 64):
        parts = [total(terms[begin : begin + size]) for begin in range(0, n, size)]
        assert np.array_equal(total(parts), whole), size


def test_it_is_nearer_to_the_exact_sum_than_adding_one_by_one():
    terms = np.random.default_rng(0).normal(size=2000) ** 2 * 0.1
    exact = sum(map(Fraction, terms.tolist()))
    one_by_one = 0.0
    for term in terms.tolist():
        one_by_one += term
    assert abs(Fraction(float(total(terms))) - exact) < abs(Fraction(one_by_one) - exact)


def test_a_total_may_be_asked_for_in_between_and_an_empty_sum_has_none():
    added = PairwiseSum()
    with pytest.raises(ValueError, match="one term"):
        added.total()
    for term in (1.0, 2.0, 3.0):
        added.add(term)
    assert added.total() == 6.0
    added.add(4.0)
    assert added.total() == 10.0


@pytest.mark.parametrize(("n", "most", "size"), [(1, 64, 1), (64, 64, 1), (65, 64, 2), (1000, 64, 16), (5, 2, 4)])
def test_blocks_are_powers_of_two_and_few(n, most, size):
    assert block_size(n, most) == size
