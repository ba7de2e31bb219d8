"""Texts of several classes cut so that length says nothing of the class.

N texts, C classes.
"""

import numpy as np


def matched_lengths(n_N: np.ndarray, class_N: np.ndarray) -> np.ndarray:
    """How much is read of each text: no more than the shortest class has at the text's own rank.

    A text at the q-th quantile of its class's lengths is cut to the least of all classes' q-th quantiles. So every text
    is kept, and all classes have the same distribution of lengths, up to one text's rank.

    Args:
        n_N: Lengths, at least 1.
        class_N: Classes, whole numbers from 0.
    """
    sorted_lengths = [np.sort(n_N[class_N == number]) for number in range(int(class_N.max()) + 1)]
    cut_N = n_N.copy()
    for number, lengths in enumerate(sorted_lengths):
        mine = np.flatnonzero(class_N == number)
        order = mine[np.argsort(n_N[mine], kind="stable")]
        quantile = (np.arange(len(lengths)) + 0.5) / len(lengths)
        least = np.min([_at(other, quantile) for other in sorted_lengths], axis=0)
        cut_N[order] = np.maximum(1, least)
    return cut_N


def _at(lengths: np.ndarray, quantile: np.ndarray) -> np.ndarray:
    return lengths[np.minimum((quantile * len(lengths)).astype(np.int64), len(lengths) - 1)]
