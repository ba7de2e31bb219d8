"""The k largest of each row on a GPU, from one reading of the row.

An entry among the k largest stands in one of the k blocks with the largest maxima, ties to the lower place in both. So
first the maxima of blocks are taken, then the k best of these, then the k largest among what those k blocks hold; a
block is as large as makes the last two alike.

Axes: T tokens, F features, K kept, N blocks.
"""

import math

from torch import Tensor

from models.sparse.kernels.block_maxima import block_maxima
from models.sparse.kernels.block_topk import MOST, topk_in_blocks

DIRECT = 2**12
"""Rows at most so wide are looked into whole."""


def block_size(width: int, k: int) -> int:
    """A power of two near sqrt(width / k): as many blocks as candidates; there are never fewer blocks than k."""
    return 2 ** int(math.log2(math.sqrt(width / k)))


def topk(values_TF: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest entries of each row and where they stand, in ascending order of place; ties go to the lower place.

    Where k is so large, or rows are so wide, that a row's candidates exceed a program, torch's `topk` is taken, which
    promises neither.
    """
    width = values_TF.shape[1]
    block = block_size(width, k) if k < width else 1
    if k < width <= DIRECT:
        places_TK = topk_in_blocks(values_TF, k).long()
    elif k < width and max(math.ceil(width / block), k * block) <= MOST:
        places_TK = topk_in_blocks(values_TF, k, topk_in_blocks(block_maxima(values_TF, block), k), block).long()
    else:
        top = values_TF.topk(k, dim=1, sorted=False)
        return top.values, top.indices
    return values_TF.gather(1, places_TK), places_TK
