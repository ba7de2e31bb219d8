"""Measures agree with published examples, with loops over pairs, and their intervals hold what they promise."""

import math
import random

import numpy as np
import pytest

from models.numerics.clustered_intervals import Clusters
from models.numerics.metrics_with_ci import (
    ValueWithCI,
    Z,
    auroc,
    average_ranks,
    balanced_accuracy,
    f1,
    pearson,
    share,
    spearman,
    wilson,
)


def one(estimate: ValueWithCI) -> tuple[float, float, float]:
    value, low, high = estimate
    return float(value[0]), float(low[0]), float(high[0])


def alone(label_N: np.ndarray, n_labels: int) -> Clusters:
    """Each thing said is a cluster of its own."""
    return Clusters(label_N, np.arange(len(label_N)), n_labels)


def array(*numbers: float) -> np.ndarray:
    return np.array(numbers)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]
)
def test_wilson_gives_the_published_intervals(hits: int, n: int, low: float, high: float):
    """Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3."""
    assert one(wilson(array(hits) / n, array(n))) == pytest.approx((hits / n, low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"), [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090)]
)
def test_the_mean_of_two_shares_has_the_published_interval(a: int, m: int, b: int, n: int, low: float, high: float):
    """Newcombe 1998, "Interval estimation for the difference between independent proportions", table II, method 10:
    a/m - b/n is twice the mean of a/m and (n - b)/n, less 1."""
    mean = one(balanced_accuracy(wilson(array(a) / m, array(m)), wilson(array(n - b) / n, array(n))))
    assert [2 * x - 1 for x in mean] == pytest.approx([a / m - b / n, low, high], abs=6e-5)


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    """Labels with hits, false alarms, misses and correct rejections; the third has nothing to hit."""
    counts = [(6, 2, 3, 4), (0, 3, 4, 1), (0, 3, 0, 2), (5, 0, 0, 0)]
    kinds = [(True, True), (False, True), (True, False), (False, False)]
    rows = [
        (label, *kind) for label, of in enumerate(counts) for kind, n in zip(kinds, of, strict=True) for _ in range(n)
    ]
    label_N, truth_N, said_N = (np.array(column) for column in zip(*rows, strict=True))
    precision, recall = 6 / 8, 6 / 9
    expected = [2 * precision * recall / (precision + recall), 0, np.nan, 1]
    value_L, low_L, high_L = f1(alone(label_N, 4), truth_N, said_N)
    np.testing.assert_allclose(value_L, expected)
    assert (low_L[0], high_L[0]) == pytest.approx((0.41, 0.86), abs=0.03)
    assert (low_L[1], high_L[3]) == (0, 1)
    assert 0 < high_L[1] < 0.7
    assert 0.3 < low_L[3] < 1
    assert np.isnan([low_L[2], high_L[2]]).all()


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
    area_L, low_L, high_L = auroc(alone(label_N, 6), truth_N, value_N)
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
        area, begin, end = one(auroc(alone(np.zeros(2 * n, int), 1), truth_N, truth_N.astype(float)))
        assert (area, end) == (1.0, 1.0)
        assert low < begin < 1
    flipped = auroc(alone(np.zeros(20, int), 1), np.arange(20) < 10, np.arange(20.0))
    assert one(flipped)[:2] == (0.0, 0.0)
    assert 0 < one(flipped)[2] < 0.28


def test_intervals_hold_the_truth_as_often_as_they_say():
    """2,000 labels with known rates and a known area, 25 examples and 30 others each."""
    rng, n_labels = np.random.default_rng(0), 2000
    label_N = np.repeat(np.arange(n_labels), 55)
    truth_N = np.tile(np.arange(55) < 25, n_labels)
    value_N = rng.normal(size=len(label_N)) + truth_N  # an area of Phi(1 / sqrt 2)
    area = 0.5 * (1 + math.erf(0.5))
    _, low_L, high_L = auroc(alone(label_N, n_labels), truth_N, value_N)
    covered = ((low_L <= area) & (area <= high_L)).mean()
    assert 0.93 < covered < 0.975, f"the area is inside {covered:.1%} of the intervals"
    hits_L, misses_L = rng.binomial(25, 0.8, n_labels), rng.binomial(30, 0.95, n_labels)
    both = balanced_accuracy(wilson(hits_L / 25, np.full(n_labels, 25)), wilson(misses_L / 30, np.full(n_labels, 30)))
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
    r_L, rho_L = (measure(alone(label_N, 4), a_N, b_N)[0] for measure in (pearson, spearman))
    assert np.isnan([r_L[2], rho_L[2]]).all()
    for number in (0, 1, 3):
        mine = label_N == number
        assert r_L[number] == pytest.approx(np.corrcoef(a_N[mine], b_N[mine])[0, 1], abs=1e-9)
        ranks = slow_ranks(a_N[mine].tolist()), slow_ranks(b_N[mine].tolist())
        assert rho_L[number] == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-9)


def test_the_interval_of_a_correlation_is_the_jackknife_by_loops():
    """Eight clusters of unequal size: each left out in turn, on Fisher's scale, with Student's t of seven degrees."""
    rng = np.random.default_rng(0)
    size_C = [1, 2, 3, 4, 5, 6, 7, 8]
    cluster_N = np.repeat(np.arange(8), size_C)
    a_N = rng.normal(size=36) + rng.normal(size=8)[cluster_N]
    b_N = a_N + rng.normal(size=36)
    r = np.corrcoef(a_N, b_N)[0, 1]
    z_C = [np.arctanh(np.corrcoef(a_N[cluster_N != c], b_N[cluster_N != c])[0, 1]) for c in range(8)]
    error = math.sqrt(7 / 8 * sum((z - np.mean(z_C)) ** 2 for z in z_C))
    expected = [r, *(math.tanh(math.atanh(r) + side * 2.3646 * error) for side in (-1, 1))]
    assert one(pearson(Clusters(np.zeros(36, int), cluster_N, 1), a_N, b_N)) == pytest.approx(expected, abs=1e-4)


def test_what_cannot_be_told_is_not_a_number_and_never_a_warning():
    label_N, constant_N, any_N = np.zeros(6, int), np.full(6, 0.1), np.arange(6.0)
    for measure in (pearson, spearman):
        for pair in ((constant_N, any_N), (any_N, constant_N)):
            assert np.isnan(measure(alone(label_N, 1), *pair)).all()
        assert np.isnan(measure(alone(np.empty(0, int), 1), np.empty(0), np.empty(0))).all()
        value, low, high = one(measure(alone(label_N[:3], 1), any_N[:3], array(1, 2, 5)))
        assert value > 0.9
        assert math.isnan(low)
        assert math.isnan(high)
        assert one(measure(alone(label_N, 1), any_N, any_N * 2)) == pytest.approx((1, 1, 1))
        assert one(measure(alone(label_N, 1), any_N, -any_N)) == pytest.approx((-1, -1, -1))
        two_N = np.array([0, 0, 0, 1, 1, 1])  # the mean of three times 0.1 is not 0.1
        assert np.isnan(measure(alone(two_N, 2), np.where(two_N, 0.1, 0.7), any_N)).all(), "each is constant by itself"
    none = share(alone(np.empty(0, int), 1), np.empty(0, bool))
    assert np.isnan(none).all()
    assert np.isnan(balanced_accuracy(wilson(array(0.75), array(4)), none)).all()
    assert np.isnan(auroc(alone(label_N, 1), np.ones(6, bool), any_N)).all()
    assert np.isnan(f1(alone(label_N, 1), np.zeros(6, bool), np.ones(6, bool))).all()
