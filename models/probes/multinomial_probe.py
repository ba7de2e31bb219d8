"""Multinomial logistic regression, fitted until its gradient is gone: a linear probe of a property with several values.

N rows, D columns, C classes.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.probes.linear_probe import LinearProbe
from models.probes.logistic_fit import fit_logistic


def fit_multinomial_probe(
    x_ND: Tensor,
    class_N: Tensor,
    n_classes: int,
    *,
    ridge: float = 1e-2,
    tolerance: float = 1e-6,
    dtype: torch.dtype = torch.float64,
) -> LinearProbe:
    """Fits one probe to rows of known class.

    Minimises the mean cross-entropy + ridge / 2 * |w|^2, w the weights over columns of mean 0 and variance 1 among
    these rows; the biases are free (`fit_logistic`). A column that does not vary gets weight 0.

    Args:
        x_ND: What the probe reads, of training rows only.
        class_N: Their classes, whole numbers from 0.
        n_classes: How many there are.
        ridge: Weight of the penalty; C = 1 / (N * ridge) in scikit-learn.
        tolerance: Largest entry of the gradient, in those coordinates, at which the fit ends, in nats.
        dtype: What is computed in; in float32 a gradient below 1e-5 is rounding.

    Returns:
        A probe of the columns as they came, whose largest logit names the class.

    Raises:
        ValueError: If fewer than two classes have rows.
    """
    if len(torch.unique(class_N)) < 2:
        raise ValueError("all rows to train on are of one class: a probe tells two apart at least, add rows of another")
    x_ND = x_ND.to(dtype)
    weights_KC, bias_C = fit_logistic(
        x_ND,
        x_ND.new_zeros(n_classes),
        lambda logits_NC: cross_entropy(logits_NC, class_N),
        curvature=1 / 2,
        ridge=ridge,
        tolerance=tolerance,
    )
    return LinearProbe(weights_KC.double(), bias_C.double())
