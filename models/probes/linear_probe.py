"""Logistic regression, fitted until its gradient is gone: the linear probe of every measure of what can be read off.

Axes: T tokens, K columns, C targets.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

RIDGE = 1e-3
"""Weight of the penalty beside the mean loss, over scaled columns: C = 1 / (T * RIDGE) in other libraries."""
STEPS = 300


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
    is free. Each column is scaled to variance 1, or all alike to a mean variance of 1. The loss curves at most as
    `x'x / 4T + ridge` does in any direction (Böhning & Lindsay 1988), so L-BFGS works in coordinates in which that is a
    sphere: columns that depend on each other, as those of a residual stream do, cost no steps.

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
    mean_K, std_K = x_TK.mean(dim=0), x_TK.std(dim=0, correction=0)
    tiny = torch.finfo(x_TK.dtype).tiny
    varies_K = std_K > 1e-6 * std_K.max().clamp_min(tiny)
    spread_K = std_K.square().mean().sqrt().expand_as(std_K) if one_space else std_K
    scale_K = torch.where(varies_K, 1 / spread_K.clamp_min(tiny), 0.0)
    scaled_TK = (x_TK - mean_K) * scale_K
    curvature_KK = scaled_TK.T @ scaled_TK / (4 * len(x_TK))
    curvature_KK.diagonal().add_(max(ridge, 1e-6))
    root_KK = torch.linalg.cholesky(curvature_KK).T.contiguous()
    bias_C = torch.special.logit(share_C).requires_grad_()
    turned_KC = x_TK.new_zeros(x_TK.shape[1], y_TC.shape[1]).requires_grad_()
    y_TC = y_TC.to(x_TK.dtype)
    solver = torch.optim.LBFGS(
        [turned_KC, bias_C], max_iter=STEPS, tolerance_grad=tolerance, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def weights() -> Tensor:
        return torch.linalg.solve_triangular(root_KK, turned_KC, upper=True)

    def loss() -> Tensor:
        solver.zero_grad()
        weights_KC = weights()
        misfit = binary_cross_entropy_with_logits(scaled_TK @ weights_KC + bias_C, y_TC, reduction="sum") / len(x_TK)
        total = misfit + ridge / 2 * weights_KC.square().sum()
        total.backward()
        return total

    with torch.enable_grad():
        solver.step(loss)
    with torch.no_grad():
        weights_KC = weights() * scale_K[:, None]
        return LinearProbe(weights_KC, bias_C.detach() - mean_K @ weights_KC)
