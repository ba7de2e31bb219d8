"""Planted laws are found again, one bad run does no harm, and the interval holds the truth."""

import numpy as np
import pytest
from scipy.optimize import minimize

from models.evaluation.scaling_law import DELTA, PowerLaw, fall_before_decay, fit_scaling

A, ALPHA, E = 3.0, 0.35, 0.08


def runs(seed: int, low: int, high: int, seeds: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    n = np.repeat(2.0 ** np.arange(low, high + 1), seeds)
    return n, (A * n**-ALPHA + E) * np.exp(noise * np.random.default_rng(seed).standard_normal(len(n)))


def test_a_law_without_noise_is_found_exactly():
    law = PowerLaw.fit(*runs(0, 6, 13, 1, 0.0))
    assert (law.exponent, law.amplitude, law.floor) == pytest.approx((ALPHA, A, E), rel=0.02)
    n, loss = runs(0, 6, 13, 1, 0.0)
    flat = PowerLaw.fit(n, loss - E)
    assert (flat.exponent, flat.floor) == pytest.approx((ALPHA, 0), abs=0.005)


def test_range_beats_count():
    """The reference: over 2^6 to 2^13, eight sizes of one run each, .346 +- .011; over 2^8 to 2^12 .344 +- .040."""
    wide = [PowerLaw.fit(*runs(seed, 6, 13, 1, 0.01)).exponent for seed in range(20)]
    narrow = [PowerLaw.fit(*runs(seed, 8, 12, 3, 0.01)).exponent for seed in range(20)]
    assert np.mean(wide) == pytest.approx(ALPHA, abs=0.01)
    assert np.std(wide) < 0.02
    assert np.std(narrow) > 1.5 * np.std(wide)


def test_one_bad_run_does_no_harm():
    """The reference: one run half too high makes least squares .225 to .275, and Huber's loss .33 to .355."""
    for seed in range(5):
        n, loss = runs(seed, 6, 13, 3, 0.01)
        loss[12] *= 1.5
        assert 0.32 < PowerLaw.fit(n, loss).exponent < 0.37


def test_intervals_hold_the_truth_and_the_floor_is_told_from_none():
    held = 0
    for seed in range(7):
        n, loss = runs(seed, 6, 13, 3, 0.01)
        found = fit_scaling(n, loss, n, draws=24)
        held += found.exponent_interval[0] <= ALPHA <= found.exponent_interval[1]
        assert found.law.aic < found.without_floor.aic
        low, high = found.further_interval
        assert low <= found.further <= high
    assert held >= 5, held


def test_a_fall_is_measured_before_the_rate_falls():
    steps = np.arange(1, 201) * 5
    flat = np.where(steps > 800, 0.1, 0.2)
    assert fall_before_decay(steps, flat, 800, 1000) == pytest.approx(0, abs=1e-9)
    falling = np.exp(-steps / 1000)
    assert fall_before_decay(steps, falling, 800, 1000) == pytest.approx(0.2)
    assert fall_before_decay(steps[:2], falling[:2], 800, 1000) == float("inf")


def huber(parameters: np.ndarray, n: np.ndarray, loss: np.ndarray) -> float:
    exponent, amplitude, floor = np.exp(parameters)
    residual = np.abs(np.log(loss / (amplitude * n**-exponent + floor)))
    return float(np.where(residual <= DELTA, residual**2 / 2, DELTA * (residual - DELTA / 2)).sum())


def test_the_fit_is_the_least_of_hubers_loss():
    """A second search, downhill from the law that was planted, finds none that is less; losses span two decades."""
    for seed in range(3):
        n, planted = np.repeat(2.0 ** np.arange(6, 14), 2), (0.9, 30.0, 0.002)
        noise = 0.05 * np.random.default_rng(seed).standard_normal(len(n))
        loss = (planted[1] * n ** -planted[0] + planted[2]) * np.exp(noise)
        loss[3] *= 1.3
        law, settings = PowerLaw.fit(n, loss), {"maxiter": 4000, "fatol": 1e-10}
        least = minimize(huber, np.log(planted), args=(n, loss), method="Nelder-Mead", options=settings)
        assert huber(np.log([law.exponent, law.amplitude, law.floor]), n, loss) == pytest.approx(law.huber, rel=1e-3)
        assert law.huber <= 1.001 * least.fun, (seed, law, np.exp(least.x))


def test_runs_are_drawn_within_their_size_and_sizes_where_there_is_one_of_each():
    """Runs of a size that are all alike leave nothing to draw, however far the sizes lie off the law."""
    n, loss = runs(1, 6, 13, 1, 0.05)
    twice = fit_scaling(np.repeat(n, 2), np.repeat(loss, 2), np.repeat(n, 2), draws=8)
    assert twice.exponent_interval == pytest.approx([twice.law.exponent] * 2)
    once = fit_scaling(n, loss, n, draws=16)
    assert once.exponent_interval[0] < once.exponent_interval[1]
    assert once.further == once.law.at(4 * n.max())
    residual = np.log(loss) - np.log([once.law.at(size) for size in n])
    assert once.residual == pytest.approx(float(np.sqrt((residual**2).mean())))
    fits = ((once.law, 3), (once.without_floor, 2))
    for law, n_parameters in fits:
        assert law.aic == pytest.approx(2 * n_parameters + len(n) * np.log(2 * law.huber / len(n)))
