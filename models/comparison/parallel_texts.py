"""What a dictionary's features have in common over languages: the same sentences in each, paired and not.

Axes: N sentences, F features, G languages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.sparse import csr_array

from models.comparison.sparse_rows import column_moments, column_sums, fired, n_rows


@dataclass(frozen=True, slots=True)
class LanguagePair:
    """How much of what fires two languages share."""

    language: str
    other: str
    overlap: float
    """Features that fire in both, of those that fire in either; mean over sentences."""
    unpaired_overlap: float
    """The same of sentences that say different things."""


@dataclass(frozen=True, slots=True)
class LanguageFeatures:
    """Of each feature; correlations are NaN where it fires in fewer than two languages."""

    least_correlation_F: np.ndarray
    """Of its activation over sentences, the lowest over pairs of languages."""
    mean_correlation_F: np.ndarray
    unpaired_correlation_F: np.ndarray
    """The mean where sentences of the other language say something else."""
    information_F: np.ndarray
    """Mutual information of whether it fires and the language, in nats."""
    share_FG: np.ndarray
    """Of a language's sentences in which it fires."""


def language_features(acts: Mapping[str, csr_array]) -> LanguageFeatures:
    """
    Args:
        acts: By language the pooled activations of the sentences (N, F), alike in order.
    """
    names, n = list(acts), n_rows(next(iter(acts.values())))
    apart = np.roll(np.arange(n), max(1, n // 2))
    paired, unpaired = [], []
    for one, other in combinations(names, 2):
        paired.append(_correlation(acts[one], acts[other]))
        unpaired.append(_correlation(acts[one], csr_array(acts[other][apart])))
    share_FG = np.stack([_share(acts[name]) for name in names], axis=1)
    found = np.stack(paired)
    there_F = (share_FG > 0).sum(1) > 1
    low_F = np.where(np.isnan(found).any(0), np.nan, found.min(0))
    return LanguageFeatures(
        np.where(there_F, low_F, np.nan), _mean(found), _mean(np.stack(unpaired)), _information(share_FG), share_FG
    )


def language_pairs(acts: Mapping[str, csr_array]) -> list[LanguagePair]:
    """Every pair of languages."""
    n = n_rows(next(iter(acts.values())))
    apart = np.roll(np.arange(n), max(1, n // 2))
    return [
        LanguagePair(one, other, _overlap(acts[one], acts[other]), _overlap(acts[one], csr_array(acts[other][apart])))
        for one, other in combinations(acts, 2)
    ]


def _overlap(a_NF: csr_array, b_NF: csr_array) -> float:
    a, b = fired(a_NF), fired(b_NF)
    both_N = np.asarray(a.multiply(b).sum(axis=1)).ravel()
    either_N = np.asarray(a.sum(axis=1)).ravel() + np.asarray(b.sum(axis=1)).ravel() - both_N
    return float(np.divide(both_N, either_N, out=np.zeros(len(both_N)), where=either_N > 0).mean())


def _correlation(a_NF: csr_array, b_NF: csr_array) -> np.ndarray:
    (mean_a, variance_a), (mean_b, variance_b) = column_moments(a_NF), column_moments(b_NF)
    spread_F = np.sqrt(variance_a * variance_b)
    cross_F = column_sums(a_NF.multiply(b_NF)) / n_rows(a_NF) - mean_a * mean_b
    return np.divide(cross_F, spread_F, out=np.full(len(cross_F), np.nan), where=spread_F > 1e-12)


def _mean(found: np.ndarray) -> np.ndarray:
    there = ~np.isnan(found)
    sums = np.where(there, found, 0).sum(0)
    return np.divide(sums, there.sum(0), out=np.full(found.shape[1], np.nan), where=there.any(0))


def _share(acts_NF: csr_array) -> np.ndarray:
    return column_sums(fired(acts_NF)) / n_rows(acts_NF)


def _information(share_FG: np.ndarray) -> np.ndarray:
    """Of languages that are alike many sentences."""

    def entropy(p: np.ndarray) -> np.ndarray:
        logs = [np.log(each, out=np.zeros_like(each), where=each > 0) for each in (p, 1 - p)]
        return -(p * logs[0] + (1 - p) * logs[1])

    return np.maximum(entropy(share_FG.mean(1)) - entropy(share_FG).mean(1), 0)
