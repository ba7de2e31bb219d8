"""Correlations against scipy, ties included."""

import numpy as np
import pytest
from scipy import stats

from models.numerics.correlations import pearson, ranks, spearman


@pytest.mark.parametrize("n_values", [3, 1000])
def test_they_are_scipy_s(n_values: int):
    draw = np.random.default_rng(0)
    a, b = draw.integers(0, n_values, 40).astype(float), draw.integers(0, n_values, 40).astype(float)
    assert pearson(a, b) == pytest.approx(stats.pearsonr(a, b)[0])
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b)[0])
    np.testing.assert_allclose(ranks(a), stats.rankdata(a) - 1)


def test_what_does_not_vary_has_no_correlation():
    assert pearson(np.ones(3), np.arange(3.0)) is None
    assert spearman(np.arange(3.0), np.ones(3)) is None
    assert pearson(np.arange(2.0), np.arange(2.0)) is None, "two things always agree"
