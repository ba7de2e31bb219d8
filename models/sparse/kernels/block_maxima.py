"""The largest entry of each block of neighbours in a row, as a rank: one reading of the pre-activations.

A rank is an integer in the order of the values: NaN stands above all, as torch sorts it, and -0 is 0. What is outside
of the row has the lowest rank, below that of minus infinity. Ranks of bfloat16 need 16 bits, others 32.

Axes: T tokens, N blocks, B entries of a block.
"""

# pyright: reportMissingImports=false, reportIndexIssue=false, reportArgumentType=false, reportCallIssue=false
# pyright: reportOperatorIssue=false
import torch
import triton
import triton.language as tl
from torch import Tensor

ENTRIES = 4096
"""That a program holds."""


@triton.jit
def sortable_bits(values, BITS: tl.constexpr):
    values = values.to(tl.float32)
    bits = tl.where(values == 0, 0.0, values).to(tl.int32, bitcast=True)
    ranks = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    return tl.where(values != values, 0x7FFFFFFF, ranks) >> (32 - BITS)


@triton.jit
def _maxima(values, out, width, n_blocks, BLOCK_N: tl.constexpr, BLOCK_B: tl.constexpr, BITS: tl.constexpr):
    """A program looks into some blocks of one row."""
    token = tl.program_id(0).to(tl.int64)
    blocks_N = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    entries_NB = blocks_N[:, None] * BLOCK_B + tl.arange(0, BLOCK_B)[None, :]
    inside_NB = entries_NB < width
    values_NB = tl.load(values + token * width + entries_NB, mask=inside_NB, other=0.0)
    ranks_NB = tl.where(inside_NB, sortable_bits(values_NB, BITS), -0x80000000 >> (32 - BITS))
    tl.store(out + token * n_blocks + blocks_N, tl.max(ranks_NB, axis=1), mask=blocks_N < n_blocks)


def bits_of(values: Tensor) -> int:
    """Bits of a rank of these values, which may be ranks."""
    return 16 if values.dtype in (torch.bfloat16, torch.int16) else 32


def block_maxima(values_TF: Tensor, block: int) -> Tensor:
    """Ranks of the largest entries of blocks of so many, a power of two; the last may be shorter: [T, N]."""
    n, width = values_TF.shape
    bits = bits_of(values_TF)
    n_blocks, block_n = triton.cdiv(width, block), max(1, ENTRIES // block)
    out_TN = values_TF.new_empty(n, n_blocks, dtype=torch.int16 if bits == 16 else torch.int32)
    with torch.cuda.device_of(values_TF):
        _maxima[(n, triton.cdiv(n_blocks, block_n))](
            values_TF.contiguous(),
            out_TN,
            width,
            n_blocks,
            BLOCK_N=block_n,
            BLOCK_B=block,
            BITS=bits,
        )
    return out_TN
