"""The k largest of some candidates of each row, exactly: all are held in registers while the k-th is found bit by bit.

The k-th largest rank is the greatest number that at least k ranks reach; each of its bits takes one count. What exceeds
it is kept, and of what equals it the candidates that come first, until there are k. So ties go to the lower place, and
what is found stands in ascending order of place.

Axes: T tokens, N candidates, K kept.
"""

# pyright: reportMissingImports=false, reportIndexIssue=false, reportArgumentType=false, reportCallIssue=false
# pyright: reportOperatorIssue=false
import torch
import triton
import triton.language as tl
from torch import Tensor

from models.sparse.kernels.block_maxima import bits_of, sortable_bits

MOST = 2**14
"""Candidates of a row that a program can hold: 32 for each of 512 threads."""


@triton.jit
def _strongest(
    candidates,
    blocks,
    places,
    width,
    k,
    N: tl.constexpr,
    BLOCK: tl.constexpr,
    RANKED: tl.constexpr,
    BITS: tl.constexpr,
):
    """A program looks into one row: into the blocks that are listed, or where a block has no size into all of it."""
    token = tl.program_id(0).to(tl.int64)
    places_N = tl.arange(0, N)
    inside_N = places_N < width
    if BLOCK > 0:
        listed_N = places_N < k * BLOCK
        blocks_N = tl.load(blocks + token * k + places_N // BLOCK, mask=listed_N, other=0)
        places_N = blocks_N * BLOCK + places_N % BLOCK
        inside_N = listed_N & (places_N < width)
    found_N = tl.load(candidates + token * width + places_N, mask=inside_N, other=0)
    ranks_N = found_N.to(tl.int32) if RANKED else sortable_bits(found_N, BITS)
    ranks_N = tl.where(inside_N, ranks_N, -0x80000000 >> (32 - BITS))

    level = tl.where(tl.sum((ranks_N >= 0).to(tl.int32)) >= k, 0, -0x80000000 >> (32 - BITS))
    for bit in range(BITS - 1):
        raised = level + (1 << (BITS - 2 - bit))
        level = tl.where(tl.sum((ranks_N >= raised).to(tl.int32)) >= k, raised, level)

    above_N = (ranks_N > level).to(tl.int32)
    ties_N = (ranks_N == level).to(tl.int32)
    kept_N = (above_N == 1) | ((ties_N == 1) & (tl.cumsum(ties_N) <= k - tl.sum(above_N)))
    slots_N = tl.cumsum(kept_N.to(tl.int32)) - 1
    tl.store(places + token * k + slots_N, places_N, mask=kept_N)


def topk_in_blocks(candidates_TN: Tensor, k: int, blocks_TK: Tensor | None = None, block: int = 0) -> Tensor:
    """Where each row's k largest stand: [T, K] in int32, ascending.

    Args:
        candidates_TN: Values, or ranks in int16 or int32; at least k in a row.
        blocks_TK: The k blocks of each row, ascending, that alone are looked into, where not the whole row is.
        block: Entries of a block.
    """
    n, width = candidates_TN.shape
    held = triton.next_power_of_2(k * block if block else width)
    assert held <= MOST, f"{held} candidates exceed {MOST}"
    places_TK = candidates_TN.new_empty(n, k, dtype=torch.int32)
    ranked = not candidates_TN.is_floating_point()
    with torch.cuda.device_of(candidates_TN):
        _strongest[(n,)](
            candidates_TN.contiguous(),
            places_TK if blocks_TK is None else blocks_TK,
            places_TK,
            width,
            k,
            N=held,
            BLOCK=block,
            RANKED=ranked,
            BITS=bits_of(candidates_TN),
            num_warps=min(16, max(1, held // 512)),
        )
    return places_TK
