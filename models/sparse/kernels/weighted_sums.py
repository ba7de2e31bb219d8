"""Sums of weighted rows, one for each segment of slots: the sparse decoder, and the sparse gradient of weight rows.

With a segment for each token and rows of a weight it decodes: `out[t] = sum of value * W[feature]`. With a segment for
each feature and rows of a gradient it is the gradient of a weight: `dW[f] = sum of value * grad[token]`. Nothing is
added atomically: each sum is taken in one order, so that it is the same bit for bit whenever it is repeated.

A segment is as long as a feature fires often; one program would sum for long what all others wait for. So a segment is
cut into pieces of equal length, whose sums are added to the first piece's by a second kernel. Where a segment ends only
the GPU knows: there are as many programs as pieces there could be, and the GPU is not waited for.

Axes: N rows, D width, S segments, M slots, P pieces, E pieces after a segment's first.
"""

# pyright: reportMissingImports=false, reportIndexIssue=false, reportArgumentType=false, reportCallIssue=false
import torch
import triton
import triton.language as tl
from torch import Tensor

SEGMENT_CHUNK = 512
"""Slots of a piece: a token of TopK is one piece."""
BLOCK_M, BLOCK_D = 8, 256
"""Rows and columns that a program holds at once: 8 KB in float32, four loads of 16 bytes in flight for each of 128
threads. A block of 256 columns of 8,192 rows, 8 MB, stays in the cache while the programs of all segments read it."""


@triton.jit
def _sum_pieces(rows, indices, weights, begins, ends, out, width, BLOCK_M: tl.constexpr, BLOCK_D: tl.constexpr):
    """A program sums one piece, over some columns."""
    piece = tl.program_id(0).to(tl.int64)
    columns_D = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    inside_D = columns_D < width
    end = tl.load(ends + piece)
    sums_MD = tl.zeros((BLOCK_M, BLOCK_D), tl.float32)
    for first in range(tl.load(begins + piece), end, BLOCK_M):
        slots_M = first + tl.arange(0, BLOCK_M)
        there_M = slots_M < end
        indices_M = tl.load(indices + slots_M, mask=there_M, other=0).to(tl.int64)
        weights_M = tl.load(weights + slots_M, mask=there_M, other=0.0).to(tl.float32)
        places_MD = indices_M[:, None] * width + columns_D[None, :]
        rows_MD = tl.load(rows + places_MD, mask=there_M[:, None] & inside_D[None, :], other=0.0)
        sums_MD += weights_M[:, None] * rows_MD.to(tl.float32)
    tl.store(out + piece * width + columns_D, tl.sum(sums_MD, axis=0), mask=inside_D)


@triton.jit
def _add_pieces(out, segments, counts, n_segments, width, BLOCK_D: tl.constexpr):
    """A program adds the pieces of one segment, which stand behind all segments, to its first, over some columns."""
    number = tl.program_id(0).to(tl.int64)
    columns_D = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    inside_D = columns_D < width
    count = tl.load(counts + number)
    if count > 0:
        mine = out + tl.load(segments + number) * width + columns_D
        sums_D = tl.load(mine, mask=inside_D, other=0.0)
        for piece in range(number + n_segments, number + n_segments + count):
            sums_D += tl.load(out + piece * width + columns_D, mask=inside_D, other=0.0)
        tl.store(mine, sums_D, mask=inside_D)


def weighted_sums(rows_ND: Tensor, indices_M: Tensor, starts_S: Tensor, weights_M: Tensor) -> Tensor:
    """For each segment the sum of its slots' weights times rows; 0 where a segment is empty.

    Args:
        rows_ND: Of any float dtype; sums are float32.
        indices_M: Row of each slot, in order of segment.
        starts_S: Where each segment begins, int64, ascending; it ends where the next begins.
        weights_M: Weight of each slot.

    Returns:
        [S, D] in the dtype of the rows.
    """
    n_segments, n_slots, width = len(starts_S), len(indices_M), rows_ND.shape[1]
    begins_P, ends_P, segment_E, count_E = _pieces(starts_S, n_slots)
    out_PD = rows_ND.new_empty(len(begins_P), width, dtype=torch.float32)
    n_blocks = triton.cdiv(width, BLOCK_D)
    with torch.cuda.device_of(rows_ND):
        _sum_pieces[(len(begins_P), n_blocks)](
            rows_ND.contiguous(),
            indices_M.contiguous(),
            weights_M.contiguous(),
            begins_P,
            ends_P,
            out_PD,
            width,
            BLOCK_M=BLOCK_M,
            BLOCK_D=BLOCK_D,
        )
        if len(count_E):
            _add_pieces[(len(count_E), n_blocks)](out_PD, segment_E, count_E, n_segments, width, BLOCK_D=BLOCK_D)
    return out_PD[:n_segments].to(rows_ND.dtype)


def _pieces(starts_S: Tensor, n_slots: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where each piece begins and ends, the segments' first ones before all others; and, of the others, the segment,
    and how many there are from here on where this is its first, else 0."""
    ends_S = torch.cat([starts_S[1:], starts_S.new_full((1,), n_slots)])[: len(starts_S)]
    more_S = (ends_S - starts_S - 1).clamp_min(0) // SEGMENT_CHUNK
    last_S = more_S.cumsum(0)
    number_E = torch.arange(n_slots // SEGMENT_CHUNK, device=starts_S.device)
    found_E = torch.searchsorted(last_S, number_E, right=True)
    segment_E = found_E.clamp_max(len(starts_S) - 1)
    place_E = number_E - (last_S - more_S)[segment_E] + 1
    begin_E = starts_S[segment_E] + place_E * SEGMENT_CHUNK
    used_E = found_E < len(starts_S)
    end_E = torch.where(used_E, torch.minimum(begin_E + SEGMENT_CHUNK, ends_S[segment_E]), begin_E)
    count_E = torch.where(used_E & (place_E == 1), more_S[segment_E], 0)
    begins_P = torch.cat([starts_S, begin_E])
    return begins_P, torch.cat([torch.minimum(starts_S + SEGMENT_CHUNK, ends_S), end_E]), segment_E, count_E
