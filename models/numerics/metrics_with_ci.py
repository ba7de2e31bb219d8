"""How well what was said agrees with what is true, for many labels at once: values with 95 % intervals.

Every measure gives three arrays over L labels: the value and the ends of its interval, NaN where there is none.

Axes: L labels, N things said of all of them one after another, label by label.
"""

import numpy as np

Z = 1.959963984540054
"""Standard normal quantile of 0.975."""
HALVINGS = 50
"""Halvings of an interval of length 1 that leave less than a rounding error."""

ValueWithCI = tuple[np.ndarray, np.ndarray, np.ndarray]


def _unknown(of_L: np.ndarray) -> np.ndarray:
    return np.full(of_L.shape, np.nan)


def wilson(hits_L: np.ndarray, n_L: np.ndarray) -> ValueWithCI:
    """A share with Wilson's score interval: the shares p with |hits/n - p| <= Z sqrt(p (1 - p) / n).

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22.
    """
    n_L = np.where(n_L > 0, n_L, np.nan)
    share_L = hits_L / n_L
    centre_L = (share_L + Z**2 / (2 * n_L)) / (1 + Z**2 / n_L)
    half_L = Z / (1 + Z**2 / n_L) * np.sqrt(share_L * (1 - share_L) / n_L + Z**2 / (4 * n_L**2))
    return share_L, np.clip(centre_L - half_L, 0, share_L), np.clip(centre_L + half_L, share_L, 1)


def balanced_accuracy(one: ValueWithCI, other: ValueWithCI) -> ValueWithCI:
    """The mean of two independent shares; of the rates of hits among positives and negatives it is balanced accuracy.

    The distances from the value to an end of each interval add as squares (MOVER).

    Source: Newcombe 1998, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (method 10); for any linear function Zou and Donner 2008, Statistics in Medicine 27.
    """
    (p, p_low, p_high), (q, q_low, q_high) = one, other
    value_L = (p + q) / 2
    return value_L, value_L - np.hypot(p - p_low, q - q_low) / 2, value_L + np.hypot(p_high - p, q_high - q) / 2


def f1(hits_L: np.ndarray, false_alarms_L: np.ndarray, misses_L: np.ndarray) -> ValueWithCI:
    """2 hits / (2 hits + false alarms + misses), without interval; none where there was nothing to hit.

    Source: van Rijsbergen 1979, "Information Retrieval", chapter 7 (1 - E, precision and recall weighing alike).
    """
    there_L = np.where(hits_L + misses_L > 0, 2 * hits_L + false_alarms_L + misses_L, np.nan)
    return 2 * hits_L / there_L, _unknown(there_L), _unknown(there_L)


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


def auroc(label_N: np.ndarray, truth_N: np.ndarray, value_N: np.ndarray, n_labels: int) -> ValueWithCI:
    """The share of pairs of a true and a false one in which the true one has the higher value; a tie counts half.

    The interval holds the areas A' with |A - A'| <= Z sd(A'), by the variance of Hanley and McNeil at A', with
    M = (positives + negatives) / 2 - 1:

        A' (1 - A') (1 + M ((1 - A') / (2 - A') + A' / (1 + A'))) / (positives negatives)

    Unlike their own interval it does not shrink to a point where the classes are told apart without fault.

    Source: Hanley and McNeil 1982, "The meaning and use of the area under a ROC curve", Radiology 143. Newcombe 2006,
    "Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2", Statistics in
    Medicine 25 (method 5).
    """
    positives_L, negatives_L = (np.bincount(label_N[side], minlength=n_labels) for side in (truth_N, ~truth_N))
    ranks_L = np.bincount(label_N[truth_N], average_ranks(label_N, value_N)[truth_N], minlength=n_labels)
    pairs_L = np.where(positives_L * negatives_L > 0, positives_L * negatives_L, np.nan)
    area_L = (ranks_L - positives_L * (positives_L + 1) / 2) / pairs_L
    m_L = (positives_L + negatives_L) / 2 - 1

    def too_far(bound_L: np.ndarray) -> np.ndarray:
        spread_L = (1 - bound_L) / (2 - bound_L) + bound_L / (1 + bound_L)
        variance_L = bound_L * (1 - bound_L) * (1 + m_L * spread_L) / pairs_L
        return np.abs(area_L - bound_L) > Z * np.sqrt(variance_L)

    ends = []
    for edge in (0.0, 1.0):
        outside_L, inside_L = np.full(n_labels, edge), area_L
        for _ in range(HALVINGS):
            middle_L = (outside_L + inside_L) / 2
            far_L = too_far(middle_L)
            outside_L, inside_L = np.where(far_L, middle_L, outside_L), np.where(far_L, inside_L, middle_L)
        ends.append(inside_L)
    return area_L, ends[0], ends[1]


def pearson(label_N: np.ndarray, one_N: np.ndarray, other_N: np.ndarray, n_labels: int) -> ValueWithCI:
    """Product-moment correlation with the interval of Fisher's z, of standard error 1 / sqrt(n - 3).

    The interval takes the n for independent: tokens of one window are not quite, so that it is rather too short. There
    is no correlation where one side is constant, and no interval below 4.

    Source: Fisher 1921, "On the probable error of a coefficient of correlation", Metron 1.
    """
    r_L, n_L = _correlation(label_N, one_N, other_N, n_labels)
    return _fisher(r_L, np.ones(n_labels), n_L)


def spearman(label_N: np.ndarray, one_N: np.ndarray, other_N: np.ndarray, n_labels: int) -> ValueWithCI:
    """Product-moment correlation of the midranks; Fisher's z has the standard error sqrt((1 + r^2 / 2) / (n - 3)).

    What `pearson` says of its interval holds here too.

    Source: Spearman 1904; interval: Bonett and Wright 2000, "Sample size requirements for estimating Pearson, Kendall
    and Spearman correlations", Psychometrika 65.
    """
    r_L, n_L = _correlation(label_N, average_ranks(label_N, one_N), average_ranks(label_N, other_N), n_labels)
    return _fisher(r_L, 1 + r_L**2 / 2, n_L)


def _correlation(
    label_N: np.ndarray, one_N: np.ndarray, other_N: np.ndarray, n_labels: int
) -> tuple[np.ndarray, np.ndarray]:
    n_L = np.bincount(label_N, minlength=n_labels)

    def sums(of_N: np.ndarray) -> np.ndarray:
        return np.bincount(label_N, of_N, minlength=n_labels)

    def centred(of_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        of_N = of_N.astype(np.float64)
        changes = label_N[1:][(of_N[1:] != of_N[:-1]) & (label_N[1:] == label_N[:-1])]
        return of_N - (sums(of_N) / np.maximum(n_L, 1))[label_N], np.bincount(changes, minlength=n_labels) > 0

    (a_N, a_varies_L), (b_N, b_varies_L) = centred(one_N), centred(other_N)
    scale_L = np.where(a_varies_L & b_varies_L, np.sqrt(sums(a_N**2) * sums(b_N**2)), np.nan)
    return np.clip(sums(a_N * b_N) / np.where(scale_L > 0, scale_L, np.nan), -1, 1), n_L


def _fisher(r_L: np.ndarray, factor_L: np.ndarray, n_L: np.ndarray) -> ValueWithCI:
    error_L = np.sqrt(factor_L / np.where(n_L > 3, n_L - 3, np.nan))
    with np.errstate(divide="ignore"):  # a correlation of 1 is at infinity, and so is its interval
        z_L = np.arctanh(r_L)
    return r_L, np.minimum(np.tanh(z_L - Z * error_L), r_L), np.maximum(np.tanh(z_L + Z * error_L), r_L)
