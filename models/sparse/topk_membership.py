"""Whether one pre-activation of each token is among its k largest, mostly without computing all others.

Each is compared with more and more features, and one that k of them exceed is asked no further: near the end few tokens
are left, those whose feature is near the top.

Axes: N tokens, each with one feature; D width, F features, K features kept per token.
"""

import torch
from torch import Tensor

from models.sparse.topk_select import preactivations

FIRST, GROWTH = 8, 4
"""First FIRST · k features are looked at, then GROWTH times as many, and so on."""
AT_ONCE = 2**13
"""Products that cost no more than the bookkeeping of another round."""


@torch.no_grad()
def among_largest(
    pre_N: Tensor, x_ND: Tensor, features_N: Tensor, encoder_FD: Tensor, b_enc_F: Tensor, k: int
) -> Tensor:
    """Which of these positive pre-activations are among the k largest of their token.

    Exact up to rounding: of values that differ in their last bits either may be taken for the larger.

    Args:
        pre_N: `x · encoder[feature] + b_enc[feature]`.
        x_ND: Centred activations.
        features_N: The feature of each token.
        encoder_FD: Rows of all features.
        b_enc_F: Their biases.
        k: Features kept per token.
    """
    open_N = torch.arange(len(pre_N), device=pre_N.device)
    n_larger_N = torch.zeros_like(open_N)
    first, size = 0, FIRST * k
    while first < len(encoder_FD) and len(open_N):
        size = max(size, AT_ONCE // len(open_N))
        part = slice(first, first + size)
        n_larger_N += _n_larger(
            x_ND[open_N], pre_N[open_N], features_N[open_N] - first, encoder_FD[part], b_enc_F[part]
        )
        open_N, n_larger_N = open_N[n_larger_N < k], n_larger_N[n_larger_N < k]
        first, size = first + size, size * GROWTH
    return torch.zeros_like(pre_N, dtype=torch.bool).index_fill_(0, open_N, True)


def _n_larger(x_ND: Tensor, than_N: Tensor, own_N: Tensor, encoder_FD: Tensor, b_enc_F: Tensor) -> Tensor:
    """How many pre-activations of each token are larger than a value, that of the feature itself left out: its product
    is rounded otherwise here."""
    counts, first = [], 0
    for pre_NF in preactivations(x_ND, encoder_FD, b_enc_F):
        some = slice(first, first + len(pre_NF))
        is_own_N1 = ((own_N[some] >= 0) & (own_N[some] < len(encoder_FD)))[:, None]
        larger_NF = pre_NF > than_N[some, None]
        own_N1 = own_N[some, None].clamp(0, len(encoder_FD) - 1)
        counts.append(larger_NF.sum(1) - (larger_NF.gather(1, own_N1) & is_own_N1)[:, 0].long())
        first += len(pre_NF)
    return torch.cat(counts)
