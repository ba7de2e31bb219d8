"""Measures agree with published examples, with loops over pairs, and their intervals hold what they promise."""

import math
import random

import numpy as np
import pytest

from models.numerics.metrics_with_ci import (
    ValueWithCI,
    Z,
    auroc,
    average_ranks,
    balanced_accuracy,
    f1,
    pearson,
    spearman,
    wilson,
)


def one(estimate: ValueWithCI) -> tuple[float, float, float]:
    value, low, high = estimate
    return float(value[0]), float(low[0]), float(high[0])


def array(*numbers: float) -> np.ndarray:
    return np.array(numbers)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]
)
def test_wilson_gives_the_published_intervals(hits: int, n: int, low: float, high: float):
    """Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3."""
    assert one(wilson(array(hits), array(n))) == pytest.approx((hits / n, low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"), [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090)]
)
def test_the_mean_of_two_shares_has_the_published_interval(a: int, m: int, b: int, n: int, low: float, high: float):
    """Newcombe 1998, "Interval estimation for the difference between independent proportions", table II, method 10:
    a/m - b/n is twice the mean of a/m and (n - b)/n, less 1."""
    mean = one(balanced_accuracy(wilson(array(a), array(m)), wilson(array(n - b), array(n))))
    assert [2 * x - 1 for x in mean] == pytest.approx([a / m - b / n, low, high], abs=6e-5)


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    hits, false_alarms, misses = array(6, 0, 0, 5), array(2, 3, 3, 0), array(3, 4, 0, 0)
    precision, recall = 6 / 8, 6 / 9
    expected = [2 * precision * recall / (precision + recall), 0, np.nan, 1]
    np.testing.assert_allclose(f1(hits, false_alarms, misses)[0], expected)
    assert all(np.isnan(end).all() for end in f1(hits, false_alarms, misses)[1:])


def labels_of_any_size(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Label, truth and a rating with many ties, label by label; a label without anything in between."""
    draw = random.Random(seed)
    rows = [
        (label, draw.random() < 0.4, draw.randint(-2, 3) / 4)
        for label in (0, 1, 2, 4, 5)
        for _ in range(draw.randint(8, 30))
    ]
    label, truth, value = zip(*rows, strict=True)
    return np.array(label), np.array(truth), np.array(value)


@pytest.mark.parametrize("seed", range(3))
def test_the_area_is_a_count_of_pairs(seed: int):
    label_N, truth_N, value_N = labels_of_any_size(seed)
    area_L, low_L, high_L = auroc(label_N, truth_N, value_N, 6)
    for label in range(6):
        true, false = (value_N[(label_N == label) & (truth_N == side)] for side in (True, False))
        pairs = [float(a > b) + 0.5 * float(a == b) for a in true for b in false]
        if label == 3:
            assert np.isnan([area_L[3], low_L[3], high_L[3]]).all()
            continue
        area = sum(pairs) / len(pairs)
        assert area_L[label] == pytest.approx(area, abs=1e-12)
        inside = [b for b in np.linspace(0, 1, 20_001) if abs(area - b) <= Z * deviation(b, len(true), len(false))]
        assert (low_L[label], high_L[label]) == pytest.approx((min(inside), max(inside)), abs=1e-4)


def deviation(area: float, m: int, n: int) -> float:
    """Standard deviation of an area by Hanley and McNeil with Newcombe's number of either class, term by term."""
    q1, q2, common = area / (2 - area), 2 * area**2 / (1 + area), (m + n) / 2
    terms = area * (1 - area) + (common - 1) * (q1 - area**2) + (common - 1) * (q2 - area**2)
    return math.sqrt(max(0.0, terms) / (m * n))


def test_an_area_without_fault_has_an_interval_that_shrinks_with_the_windows():
    for n, low in ((10, 0.72), (1000, 0.99)):
        truth_N = np.arange(2 * n) < n
        area, begin, end = one(auroc(np.zeros(2 * n, int), truth_N, truth_N.astype(float), 1))
        assert (area, end) == (1.0, 1.0)
        assert low < begin < 1
    flipped = auroc(np.zeros(20, int), np.arange(20) < 10, np.arange(20.0), 1)
    assert one(flipped)[:2] == (0.0, 0.0)
    assert 0 < one(flipped)[2] < 0.28


def test_intervals_hold_the_truth_as_often_as_they_say():
    """2,000 labels with known rates and a known area, 25 examples and 30 others each."""
    rng, n_labels = np.random.default_rng(0), 2000
    label_N = np.repeat(np.arange(n_labels), 55)
    truth_N = np.tile(np.arange(55) < 25, n_labels)
    value_N = rng.normal(size=len(label_N)) + truth_N  # an area of Phi(1 / sqrt 2)
    area = 0.5 * (1 + math.erf(0.5))
    _, low_L, high_L = auroc(label_N, truth_N, value_N, n_labels)
    covered = ((low_L <= area) & (area <= high_L)).mean()
    assert 0.93 < covered < 0.975, f"the area is inside {covered:.1%} of the intervals"
    hits_L, misses_L = rng.binomial(25, 0.8, n_labels), rng.binomial(30, 0.95, n_labels)
    both = balanced_accuracy(wilson(hits_L, np.full(n_labels, 25)), wilson(misses_L, np.full(n_labels, 30)))
    covered = ((both[1] <= 0.875) & (both[2] >= 0.875)).mean()
    assert 0.93 < covered < 0.975, f"the balanced accuracy is inside {covered:.1%} of the intervals"


def slow_ranks(values: list[float]) -> list[float]:
    """Values below, and half of those that are equal."""
    return [sum(x < y for x in values) + (sum(x == y for x in values) + 1) / 2 for y in values]


def test_midranks_are_places_by_hand():
    label_N = np.array([0] * 5 + [2] * 6)
    value_N = np.array([3, 1, 3, -1, 2, 0.0, -0.0, 5, -7, -7, -2])
    expected = [4.5, 2, 4.5, 1, 3, 4.5, 4.5, 6, 1.5, 1.5, 3]
    assert average_ranks(label_N, value_N).tolist() == expected
    assert slow_ranks(value_N[:5].tolist()) + slow_ranks(value_N[5:].tolist()) == expected
    assert average_ranks(np.empty(0, int), np.empty(0)).tolist() == []


def test_correlations_are_those_of_each_label_alone():
    draw, label, a, b = random.Random(0), [], [], []
    for number in (0, 1, 3):
        n = draw.randint(20, 40)
        label += [number] * n
        a += [draw.choice([0.0, 0.0, draw.uniform(0, 9)]) for _ in range(n)]
        b += [x + draw.choice([0.0, draw.uniform(-3, 3)]) for x in a[-n:]]
    label_N, a_N, b_N = np.array(label), np.array(a, np.float32), np.array(b, np.float32)
    r_L, rho_L = pearson(label_N, a_N, b_N, 4)[0], spearman(label_N, a_N, b_N, 4)[0]
    assert np.isnan([r_L[2], rho_L[2]]).all()
    for number in (0, 1, 3):
        mine = label_N == number
        assert r_L[number] == pytest.approx(np.corrcoef(a_N[mine], b_N[mine])[0, 1], abs=1e-9)
        ranks = slow_ranks(a_N[mine].tolist()), slow_ranks(b_N[mine].tolist())
        assert rho_L[number] == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-9)


def test_fisher_intervals_are_those_of_the_books():
    """r = 0.5 of 28 pairs: z = 0.5493 with a standard error of 1/5 for Pearson, sqrt(1.125)/5 for Spearman."""
    a_N = np.arange(28.0)
    rng = np.random.default_rng(0)
    noise_N = rng.normal(size=28)
    noise_N -= a_N * (np.cov(a_N, noise_N)[0, 1] / a_N.var(ddof=1))
    b_N = (a_N - a_N.mean()) / a_N.std() * 0.5 + (noise_N - noise_N.mean()) / noise_N.std() * math.sqrt(0.75)
    assert one(pearson(np.zeros(28, int), a_N, b_N, 1)) == pytest.approx((0.5, 0.156, 0.736), abs=1e-3)
    rho, low, high = one(spearman(np.zeros(28, int), a_N, b_N, 1))
    half = Z * math.sqrt((1 + rho**2 / 2) / 25)
    assert (math.atanh(rho) - math.atanh(low), math.atanh(high) - math.atanh(rho)) == pytest.approx((half, half))


def test_what_cannot_be_told_is_not_a_number_and_never_a_warning():
    label_N, constant_N, any_N = np.zeros(6, int), np.full(6, 0.1), np.arange(6.0)
    for measure in (pearson, spearman):
        for pair in ((constant_N, any_N), (any_N, constant_N)):
            assert np.isnan(measure(label_N, *pair, 1)).all()
        assert np.isnan(measure(np.empty(0, int), np.empty(0), np.empty(0), 1)).all()
        value, low, high = one(measure(label_N[:3], any_N[:3], array(1, 2, 5), 1))
        assert value > 0.9
        assert math.isnan(low)
        assert math.isnan(high)
        assert one(measure(label_N, any_N, any_N * 2, 1)) == pytest.approx((1, 1, 1))
        assert one(measure(label_N, any_N, -any_N, 1)) == pytest.approx((-1, -1, -1))
        two_N = np.array([0, 0, 0, 1, 1, 1])  # the mean of three times 0.1 is not 0.1
        assert np.isnan(measure(two_N, np.where(two_N, 0.1, 0.7), any_N, 2)).all(), "each is constant by itself"
    assert np.isnan(wilson(array(0), array(0))).all()
    assert np.isnan(balanced_accuracy(wilson(array(3), array(4)), wilson(array(0), array(0)))).all()
    assert np.isnan(auroc(label_N, np.ones(6, bool), any_N, 1)).all()
