"""Select pre-activations above a threshold: one per feature, or the batch's n-th largest.

Axes: T tokens, D width, F features, M places found.
"""

import numpy as np
import torch
from torch import Tensor

from models.sparse.dense_ops import DenseEntries
from models.sparse.entries import Entries
from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup
from models.sparse.sparse_ops import SparseEntries
from models.sparse.topk_select import preactivations

DENSE_ABOVE = 1 / 12
"""Where a larger share of the pre-activations counts, dense products are faster than slots (two CPU cores, d 512)."""
SAMPLE = 64
"""Tokens of a batch that are looked at first."""
OVERSAMPLING = 1.5
"""So many times more candidates than wanted are taken by the sample's level; where they are too few, all are looked
at."""


def flat_places(mask: Tensor) -> Tensor:
    """Where a mask is set, as indices into it flattened; on a CPU numpy is three times as fast as torch."""
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.flatten().nonzero()[:, 0]


def _sample(x_TD: Tensor) -> Tensor:
    return x_TD[:: max(1, len(x_TD) // SAMPLE)][:SAMPLE]


@torch.no_grad()
def select_above_threshold(
    x_TD: Tensor, encoder_FD: Tensor, b_enc_F: Tensor, level_F: Tensor, matmul: torch.dtype
) -> tuple[Entries, Tensor | None]:
    """Places whose pre-activation exceeds the level of its feature, and their values in the precision of the product.

    Where they are many, every place, and no values. Below float32 the choice is approximate next to the level: give a
    level with a margin where that matters.
    """
    halves = x_TD.to(matmul), encoder_FD.to(matmul), b_enc_F.to(matmul)
    level_F = level_F.to(matmul)
    crowded = torch.addmm(halves[2], _sample(halves[0]), halves[1].T) > level_F
    if crowded.count_nonzero() > DENSE_ABOVE * crowded.numel():
        return DenseEntries(matmul), None
    return entries_above(*halves, level_F)


def entries_above(x_TD: Tensor, encoder_FD: Tensor, b_enc_F: Tensor, level: Tensor) -> tuple[SparseEntries, Tensor]:
    """Places whose pre-activation exceeds the level (one for all, or one of each feature), however many; their
    values."""
    n_features, first = len(encoder_FD), 0
    places, values = [], []
    for pre_TF in preactivations(x_TD, encoder_FD, b_enc_F):
        found_M = flat_places(pre_TF > level)
        values.append(pre_TF.flatten()[found_M])
        places.append(found_M + first)
        first += pre_TF.numel()
    places_M = torch.cat(places)
    tokens_M = torch.div(places_M, n_features, rounding_mode="floor")
    slots = SparseEntries(places_M - tokens_M * n_features, tokens_M, len(x_TD), n_features)
    return slots, torch.cat(values)


@torch.no_grad()
def batch_topk(
    x_TD: Tensor,
    encoder_FD: Tensor,
    b_enc_F: Tensor,
    n: int,
    matmul: torch.dtype = torch.float32,
    process_group: ProcessGroup = SINGLE_PROCESS,
) -> tuple[SparseEntries, Tensor | None]:
    """The n largest positive pre-activations of the whole batch, ties to the earlier place; fewer where fewer are
    positive. Values are given where `matmul` is float32. Of processes that share the batch each gets its own part.

    A level guessed from a few tokens leaves little more than n candidates, among which the exact level is found.
    """
    halves = x_TD.to(matmul), encoder_FD.to(matmul), b_enc_F.to(matmul)
    sample_TF = torch.addmm(halves[2], _sample(halves[0]), halves[1].T)
    wanted = min(sample_TF.numel(), int(OVERSAMPLING * n / process_group.size / len(x_TD) * len(sample_TF)) + 1)
    guess = process_group.gathered(kth_largest(sample_TF.flatten(), wanted)[None]).min().clamp_min(0)
    slots, values_M = entries_above(*halves, guess)
    if guess > 0 and int(process_group.sum(torch.tensor(len(values_M)))) < n:
        slots, values_M = entries_above(*halves, torch.zeros_like(guess))
    kept_M = _first_n(values_M, n, process_group)
    slots, values_M = slots.where(kept_M), values_M[kept_M]
    return slots, values_M if matmul == torch.float32 else None


def threshold_for_l0(
    x_TD: Tensor, encoder_FD: Tensor, b_enc_F: Tensor, per_token: float, process_group: ProcessGroup = SINGLE_PROCESS
) -> float:
    """The level that so many pre-activations a token of the whole batch reach; 0 where fewer are positive."""
    n = round(per_token * process_group.tokens(x_TD))
    found = batch_topk(x_TD, encoder_FD, b_enc_F, n, process_group=process_group)[1]
    assert found is not None
    every_N = process_group.gathered(found)
    return float(every_N.min()) if len(every_N) else 0.0


def kth_largest(values_N: Tensor, n: int) -> Tensor:
    """The n-th largest of some values, as a scalar of their dtype."""
    if values_N.device.type != "cpu":
        return values_N.topk(n, sorted=False).values.min()
    values = values_N.float().numpy()
    return torch.tensor(np.partition(values, len(values) - n)[len(values) - n], dtype=values_N.dtype)


def _first_n(values_M: Tensor, n: int, process_group: ProcessGroup) -> Tensor:
    """Mask of this process's part of the n largest, ties to the earlier."""
    all_N = process_group.gathered(values_M)
    if len(all_N) <= n:
        return torch.ones_like(values_M, dtype=torch.bool)
    level = kth_largest(all_N, n)
    kept_M = values_M > level
    ties = process_group.gathered((values_M == level).sum()[None])
    left = n - int((all_N > level).sum()) - int(ties[: process_group.rank].sum())
    kept_M[flat_places(values_M == level)[: max(0, left)]] = True
    return kept_M
