"""The interval of a ratio over clusters covers the truth as often as it says; one that takes tokens for clusters does
not."""

import numpy as np
import pytest

from models.numerics.bootstrap import ratio_interval


def test_the_interval_covers_the_truth_where_tokens_of_a_document_are_alike():
    """200 corpora of 40 documents of 50 tokens; half of a token's error is its document's."""
    chance, covered, naive = np.random.default_rng(0), 0, 0
    for _ in range(200):
        document_C = chance.normal(size=40)
        error_CT = 5 + document_C[:, None] + chance.normal(size=(40, 50))
        low, high = ratio_interval(error_CT.sum(axis=1), np.full(40, 50.0)) or (np.nan, np.nan)
        covered += low <= 5 <= high
        spread = 1.96 * error_CT.std() / np.sqrt(error_CT.size)
        naive += abs(error_CT.mean() - 5) <= spread
    assert 0.89 <= covered / 200 <= 0.99
    assert naive / 200 < 0.6


def test_it_is_the_same_every_time_and_undefined_where_nothing_can_be_drawn():
    above_C, below_C = np.arange(1.0, 9.0), np.full(8, 2.0)
    assert ratio_interval(above_C, below_C) == ratio_interval(above_C, below_C)
    assert ratio_interval(above_C[:1], below_C[:1]) is None
    assert ratio_interval(above_C, np.eye(8)[0]) is None
    assert ratio_interval(below_C * 3, below_C) == (pytest.approx(3), pytest.approx(3))
