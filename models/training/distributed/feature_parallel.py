"""A dictionary too large for one device: every process has some of its features, and all tokens of the batch.

Axes: T tokens, D width, F features of this process, K candidates per token.
"""

from typing import Any

import torch
import torch.distributed
import torch.nn.functional
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.sparse.sparse_ops import SparseEntries
from models.training.distributed.data_parallel import DataParallel


class FeatureParallel(DataParallel):
    """Every process has an equal part of the features, and with the others in common what is not a feature's own.

    What is written is the sum over the processes. Each counts 1 / size of its cost, and what its own features cost.
    """

    def __init__(self) -> None:
        super().__init__()
        self.token_parts, self.feature_parts = 1, self.size

    def part(self, rows_TD: Tensor) -> Tensor:
        return rows_TD

    def over_tokens(self, value: Tensor) -> Tensor:
        return value

    def over_features(self, value: Tensor) -> Tensor:
        return _AllReduceWithGrad.apply(value, self)  # type: ignore[return-value]

    @property
    def first(self) -> int:
        return self.rank

    def strongest(self, slots: SparseEntries, values_TK: Tensor, k: int) -> tuple[SparseEntries, Tensor]:
        n_own = values_TK.shape[1]
        padded_TK = torch.nn.functional.pad(values_TK, (0, k - n_own), value=-torch.inf)
        chosen_TK = torch.cat(self._same_length(padded_TK), dim=1).topk(k, dim=1, sorted=False).indices
        kept = torch.zeros(len(values_TK), k * self.size, dtype=torch.bool, device=values_TK.device)
        kept_M = kept.scatter_(1, chosen_TK, value=True)[:, self.rank * k :][:, :n_own].flatten()
        return slots.where(kept_M), values_TK.flatten()[kept_M]

    def mine(self, rows_FD: Tensor) -> Tensor:
        if len(rows_FD) % self.size:
            raise ValueError(
                f"{len(rows_FD)} features cannot be divided equally among {self.size} processes: choose a multiple"
            )
        return rows_FD.chunk(self.size)[self.rank].clone()

    def whole(self, rows_FD: Tensor) -> Tensor:
        """On the CPU, since it may exceed the device."""
        own = rows_FD.detach().cpu().contiguous()
        parts = [torch.empty_like(own) for _ in range(self.size)] if self.rank == 0 else None
        torch.distributed.gather(own, parts)
        return torch.cat(parts) if parts else rows_FD


class _AllReduceWithGrad(torch.autograd.Function):
    """The sum over the processes. All of them have the same of it in their losses, so that the sum's gradient, which is
    the sum of theirs, need not be asked for."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, process_group: DataParallel) -> Tensor:
        ctx.size = process_group.size
        return process_group.sum(value)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return gradients[0] * ctx.size, None
