"""Features that have not fired for long, and the loss that brings them back.

AuxK (Gao et al. 2024, arXiv:2406.04093, appendix A.2): what the live features leave unexplained is explained by the
k_aux dead features whose pre-activations are largest. No ReLU stands between, so that a dead feature whose
pre-activation is negative learns too; the residual is a constant to it; no bias is added.

Axes: T tokens, D width, F features, N dead features.
"""

import torch
from torch import Tensor

from models.selection import select
from models.sparse import Slots, combine, products


def spread(x_TD: Tensor) -> Tensor:
    """Sum of squared distances from the batch's mean: the error of a dictionary that knows only the mean."""
    return (x_TD - x_TD.mean(0)).square().sum()


def revival_loss(
    x_TD: Tensor, error_TD: Tensor, dead_F: Tensor, encoder_FD: Tensor, b_enc_F: Tensor, W_dec: Tensor
) -> Tensor:
    """How badly dead features explain the error, as a fraction of the error's own spread; 0 where none is dead.

    Args:
        x_TD: What the encoder multiplies; no gradient flows into it.
        error_TD: What the live features left; likewise.
        dead_F: Which features are dead, boolean.

    Returns:
        A scalar, scaled down by n_dead / k_aux where fewer than k_aux = D/2 features are dead.
    """
    x_TD, error_TD = x_TD.detach(), error_TD.detach()
    dead_N = dead_F.nonzero()[:, 0]
    wanted = x_TD.shape[1] // 2
    k = min(wanted, len(dead_N))
    if not k:
        return error_TD.new_zeros(())
    encoder_ND, b_enc_N, W_dec_ND = (
        encoder_FD.index_select(0, dead_N),
        b_enc_F.index_select(0, dead_N),
        W_dec.index_select(0, dead_N),
    )
    if k == len(dead_N):
        guess_TD = torch.addmm(b_enc_N, x_TD, encoder_ND.T) @ W_dec_ND
    else:
        slots = Slots(select(x_TD, encoder_ND, b_enc_N, k)[1], len(dead_N))
        guess_TD = combine(products(x_TD, x_TD.new_zeros(()), encoder_ND, b_enc_N, slots), W_dec_ND, slots)
    return (
        min(k / wanted, 1.0)
        * (guess_TD - error_TD).square().sum()
        / spread(error_TD).clamp_min(torch.finfo(error_TD.dtype).tiny)
    )
