"""Multinomial logistic regression, fitted until its gradient is gone: a linear probe of a property with several values.

N rows, D columns, C classes.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.probes.linear_probe import LinearProbe

STEPS = 300


def fit_multinomial_probe(
    x_ND: Tensor, class_N: Tensor, n_classes: int, *, ridge: float = 1e-2, tolerance: float = 1e-6
) -> LinearProbe:
    """Fits one probe to rows of known class.

    Minimises the mean cross-entropy + ridge / 2 * |w|^2, w the weights over columns of mean 0 and variance 1 among
    these rows; the biases are free. The loss curves at most as `x'x / 2N + ridge` does in any direction (Böhning 1992),
    so L-BFGS works in coordinates in which that is a sphere. A column that does not vary gets weight 0.

    Args:
        x_ND: What the probe reads, of training rows only.
        class_N: Their classes, whole numbers from 0.
        n_classes: How many there are.
        ridge: Weight of the penalty; C = 1 / (N * ridge) in scikit-learn.
        tolerance: Largest entry of the gradient, in those coordinates, at which the fit ends, in nats.

    Returns:
        A probe of the columns as they came, whose largest logit names the class.

    Raises:
        ValueError: If fewer than two classes have rows.
    """
    if len(torch.unique(class_N)) < 2:
        raise ValueError("all rows to train on are of one class: a probe tells two apart at least, add rows of another")
    x_ND = x_ND.double()
    mean_D, std_D = x_ND.mean(dim=0), x_ND.std(dim=0, correction=0)
    varies_D = std_D > 1e-6 * std_D.max().clamp_min(1e-300)
    scale_D = torch.where(varies_D, 1 / std_D.clamp_min(1e-300), 0.0)
    scaled_ND = (x_ND - mean_D) * scale_D
    curvature_DD = scaled_ND.T @ scaled_ND / (2 * len(x_ND))
    curvature_DD.diagonal().add_(max(ridge, 1e-6))
    root_DD = torch.linalg.cholesky(curvature_DD).T.contiguous()
    turned_DC = x_ND.new_zeros(x_ND.shape[1], n_classes).requires_grad_()
    bias_C = x_ND.new_zeros(n_classes).requires_grad_()
    solver = torch.optim.LBFGS(
        [turned_DC, bias_C], max_iter=STEPS, tolerance_grad=tolerance, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def weights() -> Tensor:
        return torch.linalg.solve_triangular(root_DD, turned_DC, upper=True)

    def loss() -> Tensor:
        solver.zero_grad()
        weights_DC = weights()
        total = cross_entropy(scaled_ND @ weights_DC + bias_C, class_N) + ridge / 2 * weights_DC.square().sum()
        total.backward()
        return total

    with torch.enable_grad():
        solver.step(loss)
    with torch.no_grad():
        weights_DC = weights() * scale_D[:, None]
        return LinearProbe(weights_DC, bias_C.detach() - mean_D @ weights_DC)
