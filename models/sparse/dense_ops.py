"""Dense fallback for high L0: every feature of every token has an entry.

Axes: T tokens, D width, F features.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


@dataclass(frozen=True)
class DenseEntries:
    """Answers as `SparseEntries` do, with matrices [T, F] in the place of vectors over slots."""

    matmul: torch.dtype
    """Precision of the products; sums and results are float32."""

    def each(self, level_F: Tensor) -> Tensor:
        return level_F[None]

    def firings(self, acts_TF: Tensor) -> Tensor:
        return (acts_TF > 0).sum(0)

    def combine(self, weights_TF: Tensor, rows_FD: Tensor) -> Tensor:
        return _Product.apply(weights_TF, rows_FD, self.matmul)  # type: ignore[return-value]

    def products(
        self, x_TD: Tensor, centre_D: Tensor, rows_FD: Tensor, bias_F: Tensor, known_TF: Tensor | None = None
    ) -> Tensor:
        return _Product.apply(x_TD - centre_D, rows_FD.T, self.matmul) + bias_F  # type: ignore[operator]


class _Product(torch.autograd.Function):
    """left @ right in a lower precision, its gradients too."""

    @staticmethod
    def forward(ctx: Any, left_NK: Tensor, right_KM: Tensor, matmul: torch.dtype) -> Tensor:
        ctx.save_for_backward(left_NK.to(matmul), right_KM.to(matmul))
        return (left_NK.to(matmul) @ right_KM.to(matmul)).to(left_NK.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (left_NK, right_KM), grad_NM = ctx.saved_tensors, gradients[0]
        grad_NM = grad_NM.to(left_NK.dtype)
        left = (grad_NM @ right_KM.T).to(gradients[0].dtype) if ctx.needs_input_grad[0] else None
        right = (left_NK.T @ grad_NM).to(gradients[0].dtype) if ctx.needs_input_grad[1] else None
        return left, right, None
