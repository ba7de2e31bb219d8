"""Strengths of several interventions together, searched by gradients and within bounds.

L interventions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

BROKEN = 1e6
"""What a strength costs whose value is no number, so that the search goes back."""


@dataclass(frozen=True, slots=True)
class FoundStrengths:
    """The best strengths that a search met, and what they are worth."""

    strength_L: Sequence[float]
    value: float
    n_evaluations: int


def best_strengths(
    value: Callable[[Tensor], Tensor], starts: Sequence[np.ndarray], most: float, most_iterations: int
) -> FoundStrengths:
    """The strengths of the largest value, by L-BFGS-B from each start (Byrd et al. 1995; scipy).

    A start is itself looked at, so what is found is no worse than any of them. The value need not be concave: other
    starts may end elsewhere.

    Args:
        value: Of strengths (L,) in float64, one number, with a gradient.
        starts: Strengths (L,) to begin from.
        most: Strengths lie in ±most.
        most_iterations: Of each search.
    """
    from scipy.optimize import minimize

    n_evaluations, best_L, best = 0, np.asarray(starts[0], dtype=np.float64), -np.inf

    def cost(strength_L: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal n_evaluations, best_L, best
        n_evaluations += 1
        leaf_L = torch.tensor(strength_L, dtype=torch.float64, requires_grad=True)
        found = value(leaf_L)
        [gradient_L] = torch.autograd.grad(found, [leaf_L])
        if not (torch.isfinite(found) and torch.isfinite(gradient_L).all()):
            return BROKEN, np.zeros_like(strength_L)
        reached = float(found.detach())
        if reached > best:
            best_L, best = strength_L.copy(), reached
        return -reached, -gradient_L.numpy()

    for start_L in starts:
        inside_L = np.clip(start_L, -most, most)
        bounds = [(-most, most)] * len(inside_L)
        minimize(cost, inside_L, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": most_iterations})
    return FoundStrengths(best_L.tolist(), float(best), n_evaluations)
