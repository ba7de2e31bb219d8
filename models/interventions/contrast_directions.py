"""Directions of the stream that separate two kinds of prompts.

N pairs, M rows, D model width.
"""

import torch
from torch import Tensor


def mean_difference(positive_MD: Tensor, negative_MD: Tensor) -> Tensor:
    """Mean with the property less mean without it, summed in float64. Over pairs, at the token of the answer, it is
    contrastive activation addition (Rimsky et al. 2023, arXiv:2312.06681)."""
    return (positive_MD.double().mean(0) - negative_MD.double().mean(0)).to(positive_MD)


def pca_difference(positive_ND: Tensor, negative_ND: Tensor) -> Tensor:
    """First principal component of the pairs' differences, about 0 and not about their mean, which is what is looked
    for (Zou et al. 2023, arXiv:2310.01405).

    It points to where most pairs do, of as many to either side to where their mean does, and is as long as their mean.
    """
    difference_ND = (positive_ND - negative_ND).double()
    direction_D = torch.linalg.svd(difference_ND, full_matrices=False).Vh[0]
    along_N = difference_ND @ direction_D
    agreement = torch.sign(along_N).sum() or torch.sign(along_N.sum())
    length = difference_ND.mean(0).norm()
    return (direction_D * (length if agreement >= 0 else -length)).to(positive_ND)


def with_half_exchanged(positive_ND: Tensor, negative_ND: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """The same pairs with the labels of half of them exchanged by chance: what a method makes of no property.

    Of an odd number one pair is left out: with it a share of the property would stay, which a large enough multiple
    brings back whole.
    """
    order_N = torch.randperm(len(positive_ND), generator=torch.Generator().manual_seed(seed))
    half = len(order_N) // 2
    exchanged, as_they_are = order_N[:half], order_N[half : 2 * half]
    return (
        torch.cat([negative_ND[exchanged], positive_ND[as_they_are]]),
        torch.cat([positive_ND[exchanged], negative_ND[as_they_are]]),
    )


def shuffled_labels(positive_MD: Tensor, negative_MD: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """The same rows dealt out anew, as many to either side."""
    together_MD = torch.cat([positive_MD, negative_MD])
    order_M = torch.randperm(len(together_MD), generator=torch.Generator().manual_seed(seed))
    return together_MD[order_M[: len(positive_MD)]], together_MD[order_M[len(positive_MD) :]]


def random_direction(like_D: Tensor, seed: int) -> Tensor:
    """A direction drawn evenly, as long as another."""
    drawn_D = torch.randn(len(like_D), generator=torch.Generator().manual_seed(seed)).to(like_D)
    return drawn_D * like_D.norm() / drawn_D.norm()
