"""Small dictionaries of every architecture with random weights, none of them zero, one or the other's transpose."""

import torch
from torch import Tensor

from models.dictionaries.base import SparseDictionary
from models.dictionaries.config import SAESettings
from models.dictionaries.registry import architecture

LEARNED = ("topk", "batchtopk", "matryoshka_batchtopk", "jumprelu", "standard", "p_anneal", "gated")
D, E, F, K = 16, 12, 96, 5


def settings(name: str, *, crosses: bool = False, skip: bool = False, **more) -> SAESettings:
    asked = {"architecture": name, "n_features": F, "k": K, "output_site": "mlp_out.0" if crosses else None}
    return SAESettings(**asked, skip_connection=skip, **more)  # type: ignore[arg-type]


def random_dictionary(
    name: str, *, crosses: bool = False, skip: bool = False, seed: int = 0, **more
) -> SparseDictionary:
    """Written width is E where it crosses."""
    chance = torch.Generator().manual_seed(seed)
    asked = settings(name, crosses=crosses, skip=skip, **more)
    sae = architecture(name).build(asked, D, chance, E if crosses else None)
    with torch.no_grad():
        for p in sae.parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=chance))
        sae.renormalize()
        if "threshold" in sae.levels:
            sae.threshold.copy_(0.5 + torch.rand(F, generator=chance))  # type: ignore[union-attr]
    return sae


def activations(n: int = 200, seed: int = 1, width: int = D) -> Tensor:
    return 2 * torch.randn(n, width, generator=torch.Generator().manual_seed(seed))
