"""How well an approximation of patching agrees with patching itself, over some places."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from models.numerics.correlations import pearson, spearman

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
        return cls(len(exact), pearson(exact, near), spearman(exact, near), top)
