"""How well what was said agrees with what is true, for many labels at once: values with 95 % intervals.

Every measure gives three arrays over L labels: the value and the ends of its interval, NaN where there is none. Things
said of one cluster are alike, so that fewer are told apart than were said: see `Clusters`.

Axes: L labels, N things said of all of them one after another, label by label; C clusters of all labels.
"""

import numpy as np

from models.numerics.clustered_intervals import Clusters
from models.numerics.student_t import Z, quantile_975

HALVINGS = 50
"""Halvings of an interval of length 1 that leave less than a rounding error."""
FEWEST_CLUSTERS = 4
"""With fewer the spread between clusters says too little for an interval."""
ROUNDING = 1e-12
"""A spread of so small a share of the whole is one of rounding."""
LARGEST = 1 - 1e-12
"""Correlation beyond which Fisher's scale is infinite."""

ValueWithCI = tuple[np.ndarray, np.ndarray, np.ndarray]


def wilson(share_L: np.ndarray, n_L: np.ndarray) -> ValueWithCI:
    """A share with Wilson's score interval: the shares p with |share - p| <= Z sqrt(p (1 - p) / n).

    Args:
        share_L: Hits / n; NaN where n is 0.
        n_L: How many independent things would tell as much: n itself, or `Clusters.effective_number`.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22.
    """
    n_L = np.where(n_L > 0, n_L, np.nan)
    centre_L = (share_L + Z**2 / (2 * n_L)) / (1 + Z**2 / n_L)
    half_L = Z / (1 + Z**2 / n_L) * np.sqrt(share_L * (1 - share_L) / n_L + Z**2 / (4 * n_L**2))
    return share_L, np.clip(centre_L - half_L, 0, share_L), np.clip(centre_L + half_L, share_L, 1)


def share(clusters: Clusters, right_N: np.ndarray) -> ValueWithCI:
    """How many of the things said are right, with Wilson's interval at the effective number of them."""
    n_L = np.where(clusters.n_L > 0, clusters.n_L, np.nan)
    hits_L = np.bincount(clusters.label_N, right_N, minlength=clusters.n_labels)
    return wilson(hits_L / n_L, clusters.effective_number(right_N))


def balanced_accuracy(one: ValueWithCI, other: ValueWithCI) -> ValueWithCI:
    """The mean of two independent shares; of the rates of hits among positives and negatives it is balanced accuracy.

    The distances from the value to an end of each interval add as squares (MOVER).

    Source: Newcombe 1998, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (method 10); for any linear function Zou and Donner 2008, Statistics in Medicine 27.
    """
    (p, p_low, p_high), (q, q_low, q_high) = one, other
    value_L = (p + q) / 2
    return value_L, value_L - np.hypot(p - p_low, q - q_low) / 2, value_L + np.hypot(p_high - p, q_high - q) / 2


def f1(clusters: Clusters, truth_N: np.ndarray, said_N: np.ndarray) -> ValueWithCI:
    """2 hits / (hits + false alarms + positives); none where there are no positives.

    It rises with the rate of hits and falls with that of false alarms. The distances to its values at either end of
    each rate's interval add as squares, as in `balanced_accuracy`.

    Source: van Rijsbergen 1979, "Information Retrieval", chapter 7 (1 - E, precision and recall weighing alike).
    """
    true, false = clusters.where(truth_N), clusters.where(~truth_N)
    hits, alarms = share(true, said_N[truth_N]), [np.nan_to_num(end_L) for end_L in share(false, said_N[~truth_N])]
    n_true_L = np.where(true.n_L > 0, true.n_L, np.nan)

    def value(hits_L: np.ndarray, alarms_L: np.ndarray) -> np.ndarray:
        return 2 * hits_L * n_true_L / ((1 + hits_L) * n_true_L + alarms_L * false.n_L)

    value_L = value(hits[0], alarms[0])
    below_L = np.hypot(value_L - value(hits[1], alarms[0]), value_L - value(hits[0], alarms[2]))
    above_L = np.hypot(value(hits[2], alarms[0]) - value_L, value(hits[0], alarms[1]) - value_L)
    return value_L, np.maximum(value_L - below_L, 0), np.minimum(value_L + above_L, 1)


def average_ranks(label_N: np.ndarray, value_N: np.ndarray) -> np.ndarray:
    """The place of each value among its label's, from 1; equal values share the mean of their places.

    Values are compared as float32, so that label and value fit into one number to sort by.
    """
    bits_N = (value_N.astype(np.float32) + np.float32(0)).view(np.uint32)  # + 0: the two zeros are one
    ascending_N = np.where(bits_N >> 31, ~bits_N, bits_N | np.uint32(2**31))
    key_N = label_N.astype(np.uint64) << np.uint64(32) | ascending_N
    order = np.argsort(key_N, kind="stable")  # labels come in order: little is left to sort
    sorted_N = key_N[order]
    first = np.flatnonzero(np.concatenate([[True], sorted_N[1:] != sorted_N[:-1]])[: len(sorted_N)])
    length = np.diff(first, append=len(sorted_N))
    begin = np.searchsorted(label_N, label_N[order[first]])
    rank_N = np.empty(len(key_N))
    rank_N[order] = np.repeat(first - begin + (length + 1) / 2, length)
    return rank_N


def auroc(clusters: Clusters, truth_N: np.ndarray, value_N: np.ndarray) -> ValueWithCI:
    """The share of pairs of a true and a false one in which the true one has the higher value; a tie counts half.

    The interval holds the areas A' with |A - A'| <= Z sd(A'), by the variance of Hanley and McNeil at A', with m true
    and n false ones and M = (m + n) / 2 - 1:

        A' (1 - A') (1 + M ((1 - A') / (2 - A') + A' / (1 + A'))) / (m n)

    Unlike their own interval it does not shrink to a point where the classes are told apart without fault. m and n are
    the effective numbers by the placement of each thing: the share of the other class that it beats.

    Source: Hanley and McNeil 1982, "The meaning and use of the area under a ROC curve", Radiology 143. Newcombe 2006,
    "Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2", Statistics in
    Medicine 25 (method 5). Placements: DeLong et al. 1988, Biometrics 44; in clusters: Obuchowski 1997, Biometrics 53.
    """
    true, false = clusters.where(truth_N), clusters.where(~truth_N)
    above_N = average_ranks(clusters.label_N, value_N)
    won_true_N = above_N[truth_N] - average_ranks(true.label_N, value_N[truth_N])
    won_false_N = above_N[~truth_N] - average_ranks(false.label_N, value_N[~truth_N])
    pairs_L = np.where(true.n_L * false.n_L > 0, true.n_L * false.n_L, np.nan)
    area_L = np.bincount(true.label_N, won_true_N, minlength=clusters.n_labels) / pairs_L
    m_L = true.effective_number(won_true_N / np.maximum(false.n_L, 1)[true.label_N])
    n_L = false.effective_number(won_false_N / np.maximum(true.n_L, 1)[false.label_N])
    effective_L, usual_L = np.where(np.isnan(pairs_L), np.nan, m_L * n_L), (m_L + n_L) / 2 - 1

    def too_far(bound_L: np.ndarray) -> np.ndarray:
        spread_L = (1 - bound_L) / (2 - bound_L) + bound_L / (1 + bound_L)
        variance_L = bound_L * (1 - bound_L) * (1 + usual_L * spread_L) / effective_L
        return np.abs(area_L - bound_L) > Z * np.sqrt(variance_L)

    ends = []
    for edge in (0.0, 1.0):
        outside_L, inside_L = np.full(clusters.n_labels, edge), area_L
        for _ in range(HALVINGS):
            middle_L = (outside_L + inside_L) / 2
            far_L = too_far(middle_L)
            outside_L, inside_L = np.where(far_L, middle_L, outside_L), np.where(far_L, inside_L, middle_L)
        ends.append(inside_L)
    return area_L, ends[0], ends[1]


def pearson(clusters: Clusters, one_N: np.ndarray, other_N: np.ndarray) -> ValueWithCI:
    """Product-moment correlation. Its interval is by the jackknife over clusters on Fisher's scale, arctanh(r), with
    Student's t of as many degrees of freedom as there are clusters less one.

    There is no correlation where one side is constant, and no interval below four clusters, nor where one cluster holds
    all the spread of a side, as of a feature that fires in one document: the others say nothing of it.

    Source: Fisher 1921, "On the probable error of a coefficient of correlation", Metron 1. Efron and Tibshirani 1993,
    "An Introduction to the Bootstrap", chapter 11 (the jackknife); clusters are left out whole.
    """
    (a_N, a_varies_L), (b_N, b_varies_L) = _centred(clusters, one_N), _centred(clusters, other_N)
    r_L = _correlation(clusters, a_N, b_N, a_varies_L & b_varies_L)
    with np.errstate(divide="ignore"):  # a correlation of 1 is at infinity, and so is its interval
        z_L = np.arctanh(r_L)
    n_clusters_L = np.maximum(clusters.n_clusters_L, FEWEST_CLUSTERS)
    half_L = quantile_975(n_clusters_L - 1) * _jackknife_error(clusters, a_N, b_N)
    half_L = np.where(clusters.n_clusters_L >= FEWEST_CLUSTERS, half_L, np.nan)
    return r_L, np.minimum(np.tanh(z_L - half_L), r_L), np.maximum(np.tanh(z_L + half_L), r_L)


def spearman(clusters: Clusters, one_N: np.ndarray, other_N: np.ndarray) -> ValueWithCI:
    """Product-moment correlation of the midranks; what `pearson` says of its interval holds here too.

    Source: Spearman 1904, "The proof and measurement of association between two things", American Journal of Psychology
    15.
    """
    return pearson(clusters, average_ranks(clusters.label_N, one_N), average_ranks(clusters.label_N, other_N))


def _centred(clusters: Clusters, of_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Less the label's mean; and of each label whether its values differ at all."""
    of_N, label_N = of_N.astype(np.float64), clusters.label_N
    changes = label_N[1:][(of_N[1:] != of_N[:-1]) & (label_N[1:] == label_N[:-1])]
    mean_L = np.bincount(label_N, of_N, minlength=clusters.n_labels) / np.maximum(clusters.n_L, 1)
    return of_N - mean_L[label_N], np.bincount(changes, minlength=clusters.n_labels) > 0


def _correlation(clusters: Clusters, a_N: np.ndarray, b_N: np.ndarray, vary_L: np.ndarray) -> np.ndarray:
    def sums(of_N: np.ndarray) -> np.ndarray:
        return np.bincount(clusters.label_N, of_N, minlength=clusters.n_labels)

    scale_L = np.where(vary_L, np.sqrt(sums(a_N**2) * sums(b_N**2)), np.nan)
    return np.clip(sums(a_N * b_N) / np.where(scale_L > 0, scale_L, np.nan), -1, 1)


def _jackknife_error(clusters: Clusters, a_N: np.ndarray, b_N: np.ndarray) -> np.ndarray:
    """Of arctanh(r) of each label; NaN where one cluster's absence leaves a side without any spread."""
    parts = (np.ones(len(a_N)), a_N, b_N, a_N * a_N, b_N * b_N, a_N * b_N)
    of_clusters, label_C = np.stack([clusters.sums(part_N) for part_N in parts]), clusters.label_C
    whole = np.stack([np.bincount(label_C, of_C, minlength=clusters.n_labels) for of_C in of_clusters])
    n, a, b, aa, bb, ab = whole[:, label_C] - of_clusters
    n = np.maximum(n, 1)
    spread_a, spread_b = aa - a * a / n, bb - b * b / n
    is_there = (spread_a > ROUNDING * whole[3, label_C]) & (spread_b > ROUNDING * whole[4, label_C])
    scale = np.sqrt(np.where(is_there, spread_a, np.nan) * np.where(is_there, spread_b, np.nan))
    z_C = np.arctanh(np.clip((ab - a * b / n) / scale, -LARGEST, LARGEST))
    k_L = np.maximum(clusters.n_clusters_L, 1)
    mean_L = np.bincount(label_C, z_C, minlength=clusters.n_labels) / k_L
    squares_L = np.bincount(label_C, (z_C - mean_L[label_C]) ** 2, minlength=clusters.n_labels)
    return np.sqrt(squares_L * (k_L - 1) / k_L)
