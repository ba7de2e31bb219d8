"""Whether a concept has a feature, by how often it occurs (Templeton et al. 2024: what is rarer than about one in as
many tokens as there are features has none).

A concept is a word; its tokens are those at which the word ends. A feature detects it as far as it fires there and
nowhere else (F1). The feature is chosen on one half of the texts and reported on the other.

Axes: C concepts, F features, T tokens.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

COVERED = 0.5
"""F1 on texts that did not choose the feature, from which a concept counts as having one."""


@dataclass(frozen=True, slots=True)
class ConceptCounts:
    """Counts of one half of the texts; a value with a zero and a plus."""

    n_tokens: int
    occurrences_C: np.ndarray
    firings_F: np.ndarray
    together_CF: np.ndarray
    """Tokens that end the concept and on which the feature fires."""

    @classmethod
    def zero(cls, n_concepts: int, n_features: int) -> Self:
        together_CF = np.zeros((n_concepts, n_features), np.int32)
        return cls(0, np.zeros(n_concepts, np.int64), np.zeros(n_features, np.int64), together_CF)

    @classmethod
    def of(cls, is_end_CT: csr_array, fires_TF: csr_array) -> Self:
        """Of some tokens: where concepts end, and which features fire."""
        return cls(
            int(fires_TF.shape[0]),  # pyright: ignore[reportOptionalSubscript]
            np.asarray(is_end_CT.sum(axis=1)).ravel().astype(np.int64),
            np.asarray(fires_TF.sum(axis=0)).ravel().astype(np.int64),
            csr_array(is_end_CT @ fires_TF).toarray().astype(np.int32),
        )

    def __add__(self, other: "ConceptCounts") -> "ConceptCounts":
        return ConceptCounts(
            self.n_tokens + other.n_tokens,
            self.occurrences_C + other.occurrences_C,
            self.firings_F + other.firings_F,
            self.together_CF + other.together_CF,
        )

    def f1_CF(self) -> np.ndarray:
        """Twice the tokens together over the sum of both; 0 where neither is."""
        sum_CF = self.occurrences_C[:, None] + self.firings_F
        return np.divide(2 * self.together_CF, sum_CF, out=np.zeros(sum_CF.shape), where=sum_CF > 0)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of each concept the feature that detects it best, and how well it does so on other texts."""

    feature_C: np.ndarray
    f1_C: np.ndarray
    precision_C: np.ndarray
    recall_C: np.ndarray

    @property
    def is_covered_C(self) -> np.ndarray:
        return self.f1_C >= COVERED


def coverage(choosing: ConceptCounts, reporting: ConceptCounts) -> Coverage:
    """Chooses on one half and reports on the other."""
    feature_C = choosing.f1_CF().argmax(1)
    each_C = np.arange(len(feature_C))
    together_C = reporting.together_CF[each_C, feature_C]
    firings_C = np.maximum(reporting.firings_F[feature_C], 1)
    occurrences_C = np.maximum(reporting.occurrences_C, 1)
    return Coverage(feature_C, reporting.f1_CF()[each_C, feature_C], together_C / firings_C, together_C / occurrences_C)


@dataclass(frozen=True, slots=True)
class CoverageLaw:
    """The share of tokens from which on half of the concepts have a feature."""

    half_rate: float
    low: float
    high: float
    """95 % of draws of concepts."""
    steepness: float
    """Of the log odds per tenfold rate."""


def coverage_law(rate_C: np.ndarray, is_covered_C: np.ndarray, seed: int = 0, draws: int = 200) -> CoverageLaw | None:
    """A logistic curve over the logarithm of the rate; None where all or no concepts are covered, or frequent ones are
    covered no more often than rare ones."""
    found = _curve(rate_C, is_covered_C)
    if found is None:
        return None
    chance, drawn = np.random.default_rng(seed), []
    for _ in range(draws):
        some = chance.choice(len(rate_C), len(rate_C))
        if (again := _curve(rate_C[some], is_covered_C[some])) is not None:
            drawn.append(again[0])
    low, high = np.quantile(drawn, [0.025, 0.975])
    return CoverageLaw(10 ** found[0], 10 ** float(low), 10 ** float(high), found[1])


def _curve(rate_C: np.ndarray, is_covered_C: np.ndarray) -> tuple[float, float] | None:
    """Logarithm of the rate at which half are covered, and the slope."""
    if len(np.unique(is_covered_C)) < 2:
        return None
    log_C1 = np.log10(rate_C)[:, None]
    fitted = LogisticRegression(C=1e3).fit(log_C1, is_covered_C)
    slope, start = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return (-start / slope, slope) if slope > 0 else None
