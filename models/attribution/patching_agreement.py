"""How well an approximation of patching agrees with patching itself, over some places."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

TOP = 10


@dataclass(frozen=True, slots=True)
class PatchingAgreement:
    """Agreement over n places; a measure that is not defined is None."""

    n: int
    pearson: float | None
    spearman: float | None
    top_ten_share: float | None
    """Of the ten places with the largest effects, the share that is among the approximation's ten; None for fewer than
    twenty places."""

    @classmethod
    def of(cls, exact_N: Tensor, approximate_N: Tensor) -> "PatchingAgreement":
        exact, near = (x.double().cpu().numpy() for x in (exact_N, approximate_N))
        top = None
        if len(exact) >= 2 * TOP:
            largest, guessed = (set(np.argsort(-np.abs(x), kind="stable")[:TOP].tolist()) for x in (exact, near))
            top = len(largest & guessed) / TOP
        return cls(len(exact), _correlation(exact, near), _correlation(_ranks(exact), _ranks(near)), top)


def _correlation(a_N: np.ndarray, b_N: np.ndarray) -> float | None:
    """None for fewer than three values, or where all are the same."""
    if len(a_N) < 3 or np.ptp(a_N) == 0 or np.ptp(b_N) == 0:
        return None
    return float(np.clip(np.corrcoef(a_N, b_N)[0, 1], -1, 1))


def _ranks(x_N: np.ndarray) -> np.ndarray:
    """Equal values share the mean of their ranks."""
    _, place_N, counts = np.unique(x_N, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place_N]
