"""Features that have not fired for long, and the loss that brings them back.

AuxK (Gao et al. 2024, arXiv:2406.04093, appendix A.2): what the live features leave unexplained is explained by the
k_aux dead features whose pre-activations are largest. No ReLU stands between, so that a dead feature whose
pre-activation is negative learns too; the residual is a constant to it; no bias is added.

k_aux is twice the L0 that training aims at, at most half the width, which is Gao et al.'s. Where it is half the width,
the dead features explain the error together, as any directions could. A few must be directions of which few suffice,
as features are: on planted features that fire in pairs these split the latents that learned a pair's sum (docs/log.md).

Axes: T tokens, D width that is read, E width that is written, F features, N dead features.
"""

import torch
from torch import Tensor

from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup
from models.sparse.sparse_ops import SparseEntries
from models.sparse.topk_select import topk_preactivations

AUX_PER_K = 2


def auxk_loss(
    x_TD: Tensor,
    error_TE: Tensor,
    dead_F: Tensor,
    encoder_FD: Tensor,
    b_enc_F: Tensor,
    W_dec: Tensor,
    k: int,
    process_group: ProcessGroup = SINGLE_PROCESS,
) -> Tensor:
    """How badly dead features explain the error, as a fraction of the error's own spread; 0 where none is dead.

    Args:
        x_TD: What the encoder multiplies; no gradient flows into it.
        error_TE: What the live features left; likewise.
        dead_F: Which features are dead, boolean.
        k: The L0 that training aims at.
        process_group: Among whom the batch is divided, or the dictionary: of the latter this process has the rows
            given.

    Returns:
        A scalar, scaled down by n_dead / k_aux where fewer than k_aux = min(2 k, E/2) features are dead: this process's
        part of it, of which the sum counts.
    """
    x_TD, error_TE = x_TD.detach(), error_TE.detach()
    dead_N = dead_F.nonzero()[:, 0]
    wanted = max(1, min(AUX_PER_K * k, error_TE.shape[1] // 2))
    n_dead = int(process_group.over_features(dead_F.sum()))
    k_aux = min(wanted, n_dead)
    if not k_aux:
        return error_TE.new_zeros(())
    encoder_ND, b_enc_N, W_dec_NE = (rows.index_select(0, dead_N) for rows in (encoder_FD, b_enc_F, W_dec))
    if k_aux == n_dead:
        part_TE = torch.addmm(b_enc_N, x_TD, encoder_ND.T) @ W_dec_NE
    else:
        pre_TK, places_TK = topk_preactivations(x_TD, encoder_ND, b_enc_N, min(k_aux, len(dead_N)))
        slots, _ = process_group.strongest(SparseEntries.of(places_TK, len(dead_N)), pre_TK, k_aux)
        part_TE = slots.combine(slots.products(x_TD, x_TD.new_zeros(()), encoder_ND, b_enc_N), W_dec_NE)
    squared = (process_group.over_features(part_TE) - error_TE).square().sum()
    spread = process_group.spread(error_TE).clamp_min(torch.finfo(error_TE.dtype).tiny)
    return process_group.share * min(k_aux / wanted, 1.0) * squared / spread
