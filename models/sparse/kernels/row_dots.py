"""Dot products of pairs of rows, one pair for each slot: values of slots, and their gradient.

A pair is a row of activations and a row of a weight. Slots in order of feature meet the same weight row one after
another, which then is in the cache; every program has as many slots, however often a feature fires.

Axes: T tokens, F features, D width, M slots.
"""

# pyright: reportMissingImports=false, reportIndexIssue=false, reportArgumentType=false, reportCallIssue=false
import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK_M, BLOCK_D = 16, 128


@triton.jit
def _dots(left, right, lefts, rights, places, out, n_slots, width, BLOCK_M: tl.constexpr, BLOCK_D: tl.constexpr):
    """A program takes the products of some slots, over all columns."""
    slots_M = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    there_M = slots_M < n_slots
    left_M = tl.load(lefts + slots_M, mask=there_M, other=0).to(tl.int64) * width
    right_M = tl.load(rights + slots_M, mask=there_M, other=0).to(tl.int64) * width
    sums_MD = tl.zeros((BLOCK_M, BLOCK_D), tl.float32)
    for first in range(0, width, BLOCK_D):
        columns_D = first + tl.arange(0, BLOCK_D)
        inside_MD = there_M[:, None] & (columns_D < width)[None, :]
        left_MD = tl.load(left + left_M[:, None] + columns_D[None, :], mask=inside_MD, other=0.0)
        right_MD = tl.load(right + right_M[:, None] + columns_D[None, :], mask=inside_MD, other=0.0)
        sums_MD += left_MD.to(tl.float32) * right_MD.to(tl.float32)
    place_M = tl.load(places + slots_M, mask=there_M, other=0)
    tl.store(out + place_M, tl.sum(sums_MD, axis=1), mask=there_M)


def row_dots(x_TD: Tensor, rows_FD: Tensor, tokens_M: Tensor, features_M: Tensor, places_M: Tensor) -> Tensor:
    """The product of each slot's two rows, at the place given for the slot: [M] in the dtype of the activations.

    Args:
        places_M: A permutation.
    """
    n_slots, width = len(tokens_M), x_TD.shape[1]
    out_M = x_TD.new_empty(n_slots)
    with torch.cuda.device_of(x_TD):
        _dots[(triton.cdiv(n_slots, BLOCK_M),)](
            x_TD.contiguous(),
            rows_FD.contiguous(),
            tokens_M.contiguous(),
            features_M.contiguous(),
            places_M.contiguous(),
            out_M,
            n_slots,
            width,
            BLOCK_M=BLOCK_M,
            BLOCK_D=BLOCK_D,
        )
    return out_M
