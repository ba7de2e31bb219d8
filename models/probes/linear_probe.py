"""Logistic regression, fitted until its gradient is gone: the linear probe of every measure of what can be read off.

Axes: T tokens, K columns, C targets.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from models.probes.logistic_fit import fit_logistic

RIDGE = 1e-3
"""Weight of the penalty beside the mean loss, over scaled columns: C = 1 / (T * RIDGE) in other libraries."""


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """One linear probe for each target; a logit above 0 says yes."""

    weights_KC: Tensor
    bias_C: Tensor

    def logits(self, x_TK: Tensor) -> Tensor:
        return x_TK @ self.weights_KC + self.bias_C


def fit_linear_probes(
    x_TK: Tensor, y_TC: Tensor, *, one_space: bool = False, ridge: float = RIDGE, tolerance: float = 1e-4
) -> LinearProbe:
    """Fits a probe to each target, all of them at once.

    Minimises, for each target, the mean cross-entropy + ridge / 2 * |w|^2, w the weights over scaled columns; the bias
    is free. Each column is scaled to variance 1, or all alike to a mean variance of 1 (`fit_logistic`).

    Args:
        x_TK: What the probes read; a column that does not vary gets weight 0.
        y_TC: Which tokens are of a target, bool; each target has tokens of both kinds.
        one_space: The columns are coordinates of one space, whose directions are to be penalised alike.
        ridge: Weight of the penalty.
        tolerance: Largest entry of the gradient, in those coordinates, at which the fit ends, in nats.

    Returns:
        Probes of the columns as they came, in their dtype.

    Raises:
        ValueError: If all tokens are of a target, or none.
    """
    share_C = y_TC.to(x_TK.dtype).mean(dim=0)
    if not ((share_C > 0) & (share_C < 1)).all():
        raise ValueError(
            f"a probe was asked of targets that {share_C.tolist()} of the tokens belong to, each share must lie "
            "between 0 and 1: leave out targets that are always or never so"
        )
    y_TC = y_TC.to(x_TK.dtype)

    def misfit(logits_TC: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(logits_TC, y_TC, reduction="sum") / len(x_TK)

    start_C = torch.special.logit(share_C)
    return LinearProbe(
        *fit_logistic(x_TK, start_C, misfit, curvature=1 / 4, ridge=ridge, tolerance=tolerance, one_space=one_space)
    )
