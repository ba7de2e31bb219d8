"""Bands of rates hold what they promise, groups being the units."""

import numpy as np

from models.comparison.rate_band import rate_band

C, TOKENS = 120, 50


def firings(chance: np.random.Generator, rate_W: np.ndarray) -> np.ndarray:
    return chance.binomial(TOKENS, rate_W, (C, len(rate_W)))


def test_the_same_rates_lie_inside_and_a_tripled_one_outside():
    """40 runs of 8 features: in at most three of them one lies outside, where the first's rates are drawn anew too."""
    rate_W = np.linspace(0.02, 0.2, 8)
    tokens_C, groups = np.full(C, TOKENS), [f"g{n}" for n in range(C)]
    outside, tripled = 0, 0
    for seed in range(40):
        chance = np.random.default_rng(seed)
        low_W, high_W = rate_band(firings(chance, rate_W), tokens_C, groups, 0.99)
        true = rate_W
        outside += bool(((true < low_W) | (true > high_W)).any())
        tripled += bool(3 * rate_W[0] > high_W[0])
    assert outside <= 3, outside
    assert tripled == 40


def test_groups_are_drawn_whole():
    """Contexts of one group fire together: the band is as wide as that of as many contexts as there are groups."""
    chance = np.random.default_rng(0)
    of_group = chance.binomial(TOKENS, 0.1, (12, 1)) * (chance.random((12, 1)) < 0.5)
    firings_CW, groups = np.repeat(of_group, 10, axis=0), [f"g{n}" for n in range(12) for _ in range(10)]
    tokens_C = np.full(C, TOKENS)
    low_W, high_W = rate_band(firings_CW, tokens_C, groups, 0.95)
    apart_low_W, apart_high_W = rate_band(firings_CW, tokens_C, [str(n) for n in range(C)], 0.95)
    assert (high_W - low_W)[0] > 2.5 * (apart_high_W - apart_low_W)[0]
