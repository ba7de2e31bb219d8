"""A step without a gradient, and the gradient of a ramp in its place (Rajamanoharan et al. 2024, arXiv:2407.14435).

Axes: any, the same for all arguments.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _Jump(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pre: Tensor, threshold: Tensor, width: float) -> Tensor:
        threshold = threshold.expand_as(pre)
        ctx.save_for_backward(pre, threshold)
        ctx.width = width
        return pre * (pre > threshold)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (pre, threshold), grad = ctx.saved_tensors, gradients[0]
        ramp = grad * threshold * ((pre - threshold).abs() < ctx.width / 2) / ctx.width
        return grad * (pre > threshold) + ramp, -ramp, None


def jumprelu_ste(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    """`pre` where it exceeds the threshold, else 0.

    Gradients: 1 to `pre` where it exceeds, and within half a width of the threshold threshold / width more; as much,
    with the other sign, to the threshold.
    """
    return _Jump.apply(pre, threshold, width)  # type: ignore[return-value]
