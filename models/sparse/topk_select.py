"""The k largest pre-activations of each token, without keeping the pre-activations.

They are computed for as many tokens at a time as stay in a fixed amount of memory, and forgotten once the k largest are
known.

Axes: T tokens, D width, F features, K features kept per token.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from models.sparse.kernels.dispatch import use_kernels

TILE = {"cpu": 2**22, "cuda": 2**29}
"""Pre-activations held at once. On a CPU 16 MB in float32: larger buffers are mapped anew each step (8 ms of page
faults in 90 at 32 MB), smaller ones cost up to a quarter of the product's speed."""
BLOCK = 32
"""Features of a block: as many as a CPU reduces with vector instructions."""
WIDE = 128
"""Rows at least so many times as wide as k are searched by blocks."""
ROWS_IN_CACHE = 512


def preactivations(x_TD: Tensor, encoder_FD: Tensor, b_enc_F: Tensor) -> Iterator[Tensor]:
    """`x @ encoder.T + b_enc`, some tokens at a time."""
    rows = max(1, TILE.get(x_TD.device.type, TILE["cpu"]) // len(encoder_FD))
    for tile_TD in x_TD.split(rows):
        yield torch.addmm(b_enc_F, tile_TD, encoder_FD.T)


def fast_topk(pre_TF: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest entries of each row and where they stand, in no order, exactly.

    An entry among the k largest stands in one of the k blocks with the largest maxima. So only those blocks are looked
    into, first blocks of neighbours, then, among what they hold, blocks of four. Measured on two CPU threads, on 2,048
    rows of 4,096 and of 8,192, k 32: 6 and 8 ms; `topk` takes 17 and 20. On a GPU kernels do the same (models/kernels).
    """
    if use_kernels(pre_TF):
        from models.sparse.kernels.topk import topk as of_kernels

        return of_kernels(pre_TF, k)
    if pre_TF.shape[1] % BLOCK or pre_TF.shape[1] < WIDE * k:
        top = pre_TF.topk(k, dim=1, sorted=False)
        return top.values, top.indices
    if pre_TF.device.type != "cpu":
        return _topk_by_blocks(pre_TF, k, _topk)
    pick = _topk_partition if pre_TF.dtype == torch.float32 else _pick_rounded
    parts = [_topk_by_blocks(rows, k, pick) for rows in pre_TF.split(ROWS_IN_CACHE)]
    return torch.cat([values for values, _ in parts]), torch.cat([places for _, places in parts])


def _topk_by_blocks(pre_TF: Tensor, k: int, pick: Callable[[Tensor, int], Tensor]) -> tuple[Tensor, Tensor]:
    n, width = pre_TF.shape
    blocks_TN = pick(_block_maxima(pre_TF.view(n, width // BLOCK, BLOCK)), k)
    first_T1 = torch.arange(0, n * width // BLOCK, width // BLOCK, device=pre_TF.device)[:, None]
    held = pre_TF.view(-1, BLOCK).index_select(0, (blocks_TN + first_T1).flatten()).float().view(n, 4, k * BLOCK // 4)
    fours_TN = pick(held.amax(1), k)
    left = held.gather(2, fours_TN[:, None].expand(n, 4, k)).flatten(1)
    slots = pick(left, k)
    places = fours_TN.gather(1, slots % k) + slots // k * (k * BLOCK // 4)
    return left.gather(1, slots), blocks_TN.gather(1, places // BLOCK) * BLOCK + places % BLOCK


def _block_maxima(pre_TNB: Tensor) -> Tensor:
    """Of values of 16 bits a CPU takes them by halves, five times as fast as torch reduces or widens them."""
    if pre_TNB.dtype == torch.float32 or pre_TNB.device.type != "cpu":
        return pre_TNB.amax(2).float()
    for half in (BLOCK // 2, BLOCK // 4):
        pre_TNB = torch.maximum(pre_TNB[..., :half], pre_TNB[..., half:])
    return pre_TNB.float().amax(2)


def _topk(values_TN: Tensor, k: int) -> Tensor:
    return values_TN.topk(k, dim=1, sorted=False).indices


def _topk_partition(values_TN: Tensor, k: int) -> Tensor:
    """Where each row's k largest stand: all that reach the k-th, which numpy finds with vector instructions."""
    width = values_TN.shape[1]
    kth_T1 = np.partition(values_TN.numpy(), width - k, axis=1)[:, width - k, None]
    places = np.flatnonzero(values_TN.numpy() >= kth_T1)
    if len(places) != len(values_TN) * k:  # a tie at the k-th, or a NaN
        return _topk(values_TN, k)
    return torch.from_numpy(places % width).view(-1, k)


def _pick_rounded(values_TN: Tensor, k: int) -> Tensor:
    """The same for values rounded to 16 bits, where ties are common: the free bits tell equal values apart."""
    places_N = torch.arange(values_TN.shape[1], dtype=torch.int32)
    return _topk_partition((values_TN.view(torch.int32) | places_N).view(torch.float32), k)


@torch.no_grad()
def topk_preactivations(
    x_TD: Tensor, encoder_FD: Tensor, b_enc_F: Tensor, k: int, matmul: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """The k largest pre-activations of each token, in no order, and their features.

    `matmul` is the precision of the product. Below float32 the choice of features is approximate where the k-th and the
    next pre-activation nearly tie, and the values are rounded: take them anew by `sparse.products`.
    """
    tiles = preactivations(x_TD.to(matmul), encoder_FD.to(matmul), b_enc_F.to(matmul))
    parts = [fast_topk(pre_TF, k) for pre_TF in tiles]
    return torch.cat([values for values, _ in parts]), torch.cat([features for _, features in parts])
