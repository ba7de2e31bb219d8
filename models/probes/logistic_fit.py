"""The fit that every logistic probe shares: L-BFGS in coordinates in which a bound on the curvature is a sphere.

T tokens or rows, K columns, C targets or classes.
"""

from collections.abc import Callable

import torch
from torch import Tensor

STEPS = 300


def fit_logistic(
    x_TK: Tensor,
    bias_C: Tensor,
    misfit: Callable[[Tensor], Tensor],
    *,
    curvature: float,
    ridge: float,
    tolerance: float,
    one_space: bool = False,
) -> tuple[Tensor, Tensor]:
    """Minimises misfit(logits) + ridge / 2 * |w|^2, w the weights over scaled columns; the biases are free.

    The loss curves at most as `curvature * x'x / T + ridge` in any direction: in coordinates in which that is a sphere,
    columns that depend on each other, as those of a residual stream do, cost no steps.

    Args:
        x_TK: What is read; a column that does not vary gets weight 0.
        bias_C: Where the biases begin.
        misfit: The mean cross-entropy of logits (T, C).
        curvature: What bounds the curvature: 1/4 of a logistic loss (Böhning and Lindsay 1988), 1/2 of a multinomial
            one (Böhning 1992).
        ridge: Weight of the penalty.
        tolerance: Largest entry of the gradient, in those coordinates, at which the fit ends, in nats.
        one_space: Whether all columns are scaled alike, to a mean variance of 1, and not each to variance 1.

    Returns:
        Weights (K, C) and biases (C) for the columns as they came.
    """
    mean_K, std_K = x_TK.mean(dim=0), x_TK.std(dim=0, correction=0)
    tiny = torch.finfo(x_TK.dtype).tiny
    varies_K = std_K > 1e-6 * std_K.max().clamp_min(tiny)
    spread_K = std_K.square().mean().sqrt().expand_as(std_K) if one_space else std_K
    scale_K = torch.where(varies_K, 1 / spread_K.clamp_min(tiny), 0.0)
    scaled_TK = (x_TK - mean_K) * scale_K
    curvature_KK = scaled_TK.T @ scaled_TK / (len(x_TK) / curvature)
    curvature_KK.diagonal().add_(max(ridge, 1e-6))
    root_KK = torch.linalg.cholesky(curvature_KK).T.contiguous()
    bias_C = bias_C.clone().requires_grad_()
    turned_KC = x_TK.new_zeros(x_TK.shape[1], len(bias_C)).requires_grad_()
    solver = torch.optim.LBFGS(
        [turned_KC, bias_C], max_iter=STEPS, tolerance_grad=tolerance, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def weights() -> Tensor:
        return torch.linalg.solve_triangular(root_KK, turned_KC, upper=True)

    def loss() -> Tensor:
        solver.zero_grad()
        weights_KC = weights()
        total = misfit(scaled_TK @ weights_KC + bias_C) + ridge / 2 * weights_KC.square().sum()
        total.backward()
        return total

    with torch.enable_grad():
        solver.step(loss)
    with torch.no_grad():
        weights_KC = weights() * scale_K[:, None]
        return weights_KC, bias_C.detach() - mean_K @ weights_KC
