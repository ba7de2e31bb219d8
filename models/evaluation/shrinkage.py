"""Shrinkage: does the SAE underestimate activations? An L1 penalty pulls every activation towards 0.

Wright & Sharkey 2024, "Addressing feature suppression in SAEs"; Rajamanoharan et al. 2024 (Gated SAEs,
arXiv:2404.16014), whose relative reconstruction bias is gamma.

Axes: T tokens, D width.
"""

import torch
from torch import Tensor


def shrinkage(x_TD: Tensor, recon_TD: Tensor) -> dict[str, float]:
    """`shrinkage_gamma` = E|r|^2 / E[r . a], the g for which r / g fits a best; `norm_ratio` = E|r| / E|a|.

    Here a = x - m and r = recon - m, both less the mean m of x: what all tokens have in common says nothing of features
    and would pull both numbers to 1. Below 1 is shrinkage, but only gamma is 1 for every least-squares fit: what such a
    fit misses lowers the ratio of norms too. In float64; empty where nothing varies, or what is given back does not
    point the way of what is read.
    """
    x_TD, recon_TD = x_TD.double(), recon_TD.double()
    mean_D = x_TD.mean(dim=0)
    around_TD, given_TD = x_TD - mean_D, recon_TD - mean_D
    agreement, length = float((given_TD * around_TD).sum()), float(torch.linalg.vector_norm(around_TD, dim=1).sum())
    if agreement <= 0 or length == 0:
        return {}
    return {
        "shrinkage_gamma": float(given_TD.square().sum()) / agreement,
        "norm_ratio": float(torch.linalg.vector_norm(given_TD, dim=1).sum()) / length,
    }
