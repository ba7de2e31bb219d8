"""Arithmetic on few slots per token: its cost does not depend on the number of features.

`combine` and `products` are each other's transpose, so that each is the other's gradient; the gradient of their rows
(`scatter`) is a sum over the tokens of each feature, taken in a fixed order. All three are one gather-and-add
(`embedding_bag`): of what was measured on two CPU cores at B 2048, d 512, F 8192, k 32 it is the fastest by far. CPU
milliseconds of one thread: combine 3.3 (CSR product of MKL 8.6, gather and bmm 109, dense product 230); products 7 to 8
(token by token 12 to 25); gradient of the rows 3.7 with the sort by feature (CSR 22.6, embedding_bag's own dense
gradient 40, index_add of the materialised terms 157, dense product 223). On a GPU there are kernels for the same three
(models/kernels).

Axes: T tokens, D width, F features, M slots, in order of token.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.sparse.kernels.dispatch import use_kernels


@dataclass(frozen=True)
class SparseEntries:
    """Which features each token has a place for: as many as it likes, none twice."""

    features_M: Tensor
    tokens_M: Tensor
    """Ascending."""
    n_tokens: int
    n_features: int

    @classmethod
    def of(cls, features_TK: Tensor, n_features: int) -> "SparseEntries":
        """As many for every token."""
        n, k = features_TK.shape
        tokens_M = torch.arange(n, device=features_TK.device).repeat_interleave(k)
        return cls(features_TK.flatten(), tokens_M, n, n_features)

    @cached_property
    def offsets_T(self) -> Tensor:
        """Where each token's slots begin."""
        return _starts(self.tokens_M, self.n_tokens)

    @cached_property
    def by_feature(self) -> tuple[Tensor, Tensor, Tensor]:
        """Slots in order of feature, then token; the tokens of these; and where each feature's slots begin."""
        order_M = self.features_M.argsort(stable=True)
        return order_M, self.tokens_M[order_M], _starts(self.features_M, self.n_features)

    def where(self, kept_M: Tensor) -> "SparseEntries":
        """Some of the slots, by a mask."""
        return SparseEntries(self.features_M[kept_M], self.tokens_M[kept_M], self.n_tokens, self.n_features)

    def each(self, level_F: Tensor) -> Tensor:
        """A number of each feature, at each of its slots."""
        return level_F.index_select(0, self.features_M)

    def firings(self, acts_M: Tensor) -> Tensor:
        """On how many tokens each feature is active."""
        return torch.bincount(self.features_M[acts_M > 0], minlength=self.n_features)

    def combine(self, weights_M: Tensor, rows_FD: Tensor) -> Tensor:
        """For each token the sum of its slots' rows times their weights: what a dense `codes @ rows` gives, [T, D]."""
        return _Combine.apply(weights_M, rows_FD, self)  # type: ignore[return-value]

    def products(
        self, x_TD: Tensor, centre_D: Tensor, rows_FD: Tensor, bias_F: Tensor, known_M: Tensor | None = None
    ) -> Tensor:
        """For each slot the entry of `(x - centre) @ rows.T + bias` that belongs to its token and feature, [M].

        `known_M` gives the entries where they were computed already: only the gradients are then left to this function.
        """
        return _Products.apply(x_TD, centre_D, rows_FD, bias_F, self, known_M)  # type: ignore[return-value]


def _starts(ids_M: Tensor, n: int) -> Tensor:
    counts_N = torch.bincount(ids_M, minlength=n)
    return counts_N.cumsum(0) - counts_N


def _gather(rows_ND: Tensor, indices_M: Tensor, offsets: Tensor, weights_M: Tensor) -> Tensor:
    """Weighted sums of rows, one for each offset."""
    if use_kernels(rows_ND, weights_M):
        from models.sparse.kernels.weighted_sums import weighted_sums

        return weighted_sums(rows_ND, indices_M, offsets, weights_M)
    return torch.nn.functional.embedding_bag(indices_M, rows_ND, offsets, mode="sum", per_sample_weights=weights_M)


def _combine(weights_M: Tensor, rows_FD: Tensor, slots: SparseEntries) -> Tensor:
    return _gather(rows_FD, slots.features_M, slots.offsets_T, weights_M)


def _products(x_TD: Tensor, rows_FD: Tensor, slots: SparseEntries) -> Tensor:
    """Feature by feature, so that a row is read once, not once a slot: where rows exceed the cache, three times as
    fast."""
    order_M, tokens_M, offsets_F = slots.by_feature
    if use_kernels(x_TD, rows_FD):
        from models.sparse.kernels.row_dots import row_dots

        return row_dots(x_TD, rows_FD, tokens_M, slots.features_M[order_M], order_M)
    dots_M = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        rows_FD, x_TD, tokens_M, offsets_F, slots.features_M[order_M], 0
    )
    return torch.empty_like(dots_M).index_copy_(0, order_M, dots_M)


def scatter(weights_M: Tensor, x_TD: Tensor, slots: SparseEntries) -> Tensor:
    """Sum over tokens and slots of weight times the token's vector, in the row of the slot's feature: [F, D]."""
    order_M, tokens_M, offsets_F = slots.by_feature
    return _gather(x_TD, tokens_M, offsets_F, weights_M[order_M])


def sum_by_feature(weights_M: Tensor, slots: SparseEntries) -> Tensor:
    """Each feature's sum over its slots; on a GPU, where `index_add_` adds in any order, in the order of `scatter`."""
    if use_kernels(weights_M):
        return scatter(weights_M, weights_M.new_ones(slots.n_tokens, 1), slots)[:, 0]
    return weights_M.new_zeros(slots.n_features).index_add_(0, slots.features_M, weights_M)


class _Combine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights_M: Tensor, rows_FD: Tensor, slots: SparseEntries) -> Tensor:
        ctx.save_for_backward(weights_M, rows_FD)
        ctx.slots = slots
        return _combine(weights_M, rows_FD, slots)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (weights_M, rows_FD), grad_TD = ctx.saved_tensors, gradients[0].contiguous()
        weights = _products(grad_TD, rows_FD, ctx.slots) if ctx.needs_input_grad[0] else None
        rows = scatter(weights_M, grad_TD, ctx.slots) if ctx.needs_input_grad[1] else None
        return weights, rows, None


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x_TD: Tensor,
        centre_D: Tensor,
        rows_FD: Tensor,
        bias_F: Tensor,
        slots: SparseEntries,
        known_M: Tensor | None,
    ) -> Tensor:
        centred_TD = x_TD - centre_D
        ctx.save_for_backward(centred_TD, rows_FD)
        ctx.slots = slots
        if known_M is not None:
            return known_M.clone()
        return _products(centred_TD, rows_FD, slots) + bias_F[slots.features_M]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (centred_TD, rows_FD), grad_M = ctx.saved_tensors, gradients[0].contiguous()
        sums_F = sum_by_feature(grad_M, ctx.slots)
        x = _combine(grad_M, rows_FD, ctx.slots) if ctx.needs_input_grad[0] else None
        centre = -sums_F @ rows_FD if ctx.needs_input_grad[1] else None
        rows = scatter(grad_M, centred_TD, ctx.slots) if ctx.needs_input_grad[2] else None
        return x, centre, rows, sums_F if ctx.needs_input_grad[3] else None, None, None
