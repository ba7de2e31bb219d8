"""Every interval holds the truth 93 to 97 times in 100 where what is said comes in clusters that are planted alike."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from models.numerics.clustered_intervals import Clusters
from models.numerics.metrics_with_ci import (
    ValueWithCI,
    auroc,
    balanced_accuracy,
    f1,
    pearson,
    share,
    spearman,
    wilson,
)
from models.numerics.student_t import quantile_975

N_LABELS = 1500
ALIKE = (0.0, 0.3, 0.6)


def clusters_of(rng: np.random.Generator, n_labels: int, n_clusters: int, most: int) -> Clusters:
    """So many clusters of each label, of one to `most` things."""
    sizes = rng.integers(1, most + 1, n_labels * n_clusters)
    cluster_N = np.repeat(np.arange(n_labels * n_clusters), sizes)
    return Clusters(cluster_N // n_clusters, cluster_N % n_clusters, n_labels)


def alike_normals(rng: np.random.Generator, clusters: Clusters, alike: float) -> np.ndarray:
    """Standard normal numbers, of which two of one cluster correlate so much."""
    shared_N = rng.normal(size=len(clusters.label_C))[clusters.cluster_N]
    return shared_N * math.sqrt(alike) + rng.normal(size=len(clusters.label_N)) * math.sqrt(1 - alike)


def covers(found: ValueWithCI, truth: float | np.ndarray) -> float:
    _, low_L, high_L = found
    there_L = ~np.isnan(low_L)
    assert there_L.mean() > 0.9
    return float(((low_L <= truth) & (truth <= high_L))[there_L].mean())


@pytest.mark.parametrize("alike", ALIKE)
@pytest.mark.parametrize("n_clusters", [5, 12])
def test_shares(alike: float, n_clusters: int):
    rng = np.random.default_rng(0)
    clusters = clusters_of(rng, N_LABELS, n_clusters, 3)
    truth_L = rng.uniform(0.4, 0.95, N_LABELS)
    rate_C = truth_L[clusters.label_C]
    if alike:
        rate_C = rng.beta(rate_C * (1 - alike) / alike, (1 - rate_C) * (1 - alike) / alike)
    right_N = rng.random(len(clusters.label_N)) < rate_C[clusters.cluster_N]
    assert 0.93 < covers(share(clusters, right_N), truth_L) < 0.97
    if alike:
        n_L = clusters.n_L
        naive = wilson(np.bincount(clusters.label_N, right_N) / n_L, n_L)
        assert covers(naive, truth_L) < 0.92, "clusters are not planted"


def said(rng: np.random.Generator, alike: float) -> tuple[Clusters, np.ndarray, np.ndarray]:
    """Twelve clusters, each of windows with the feature or of others; rates of yes .7 and .15."""
    clusters = clusters_of(rng, N_LABELS, 12, 4)
    truth_N = clusters.name_N % 2 == 0
    limit_N = np.where(truth_N, NormalDist().inv_cdf(0.7), NormalDist().inv_cdf(0.15))
    return clusters, truth_N, alike_normals(rng, clusters, alike) < limit_N


@pytest.mark.parametrize("alike", ALIKE)
def test_balanced_accuracy_and_f1(alike: float):
    clusters, truth_N, said_N = said(np.random.default_rng(1), alike)
    true, false = clusters.where(truth_N), clusters.where(~truth_N)
    both = balanced_accuracy(share(true, said_N[truth_N]), share(false, ~said_N[~truth_N]))
    assert 0.93 < covers(both, (0.7 + 0.85) / 2) < 0.97
    expected_L = 2 * 0.7 * true.n_L / (1.7 * true.n_L + 0.15 * false.n_L)
    assert 0.93 < covers(f1(clusters, truth_N, said_N), expected_L) < 0.97


@pytest.mark.parametrize("alike", ALIKE)
def test_areas(alike: float):
    rng = np.random.default_rng(2)
    clusters = clusters_of(rng, N_LABELS, 16, 3)
    truth_N = clusters.name_N % 2 == 0
    value_N = alike_normals(rng, clusters, alike) + truth_N
    assert 0.93 < covers(auroc(clusters, truth_N, value_N), 0.5 * (1 + math.erf(0.5))) < 0.97


@pytest.mark.parametrize("alike", ALIKE)
@pytest.mark.parametrize("n_clusters", [8, 16])
def test_correlations(alike: float, n_clusters: int):
    rng = np.random.default_rng(3)
    clusters = clusters_of(rng, 1000, n_clusters, 40)
    a_N, b_N = alike_normals(rng, clusters, alike), alike_normals(rng, clusters, alike)
    b_N = 0.5 * a_N + math.sqrt(0.75) * b_N
    assert 0.93 < covers(pearson(clusters, a_N, b_N), 0.5) < 0.97
    assert 0.92 < covers(spearman(clusters, a_N, b_N), 6 / math.pi * math.asin(0.25)) < 0.98


def test_what_lies_in_one_cluster_alone_has_no_interval():
    """A feature that fires in one document of ten: without that document there is no correlation at all."""
    rng = np.random.default_rng(4)
    cluster_N = np.repeat(np.arange(10), 20)
    a_N = np.where(cluster_N == 3, rng.uniform(1, 9, 200), 0.0)
    b_N = a_N + rng.normal(size=200) * 0.01
    for measure in (pearson, spearman):
        value, low, high = measure(Clusters(np.zeros(200, int), cluster_N, 1), a_N, b_N)
        assert value[0] > 0.5
        assert np.isnan([low[0], high[0]]).all()


def test_one_cluster_of_each_is_as_if_there_were_none():
    label_N = np.repeat([0, 1], 10)
    right_N = np.arange(20) % 3 > 0
    lone = Clusters(label_N, np.arange(20), 2)
    np.testing.assert_allclose(lone.effective_number(right_N), [10, 10])
    assert lone.correlation(right_N) == 0


def test_copies_count_once():
    """Each of 200 labels has ten windows, each of them three times: as sure as ten."""
    rng = np.random.default_rng(0)
    label_N, name_N = np.repeat(np.arange(200), 30), np.tile(np.repeat(np.arange(10), 3), 200)
    right_N = np.repeat(rng.random(2000) < 0.7, 3)
    np.testing.assert_allclose(Clusters(label_N, name_N, 200).effective_number(right_N), 10)


def test_the_intraclass_correlation_is_that_of_the_table_of_variance():
    """One label, clusters (1, 2, 3), (4, 5, 6), (9, 9, 9): 57 between with two degrees, 4 within with six."""
    value_N = np.array([1, 2, 3, 4, 5, 6, 9, 9, 9.0])
    clusters = Clusters(np.zeros(9, int), np.repeat(np.arange(3), 3), 1)
    between = 3 * ((2 - 16 / 3) ** 2 + (5 - 16 / 3) ** 2 + (9 - 16 / 3) ** 2) / 2
    within = 4 / 6
    assert clusters.correlation(value_N) == pytest.approx((between - within) / (between + 2 * within))


def test_quantiles_of_t_are_those_of_the_tables():
    degrees = np.array([3, 4, 5, 6, 7, 10, 15, 30, 120])
    expected = [3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.2281, 2.1314, 2.0423, 1.9799]
    np.testing.assert_allclose(quantile_975(degrees), expected, atol=1e-3)
