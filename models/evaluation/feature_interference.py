"""How much features of a dictionary stand in each other's way: superposition as it is in a model, not in a toy.

Features are more than dimensions, so that their directions overlap. What other active features write along a feature's
direction is interference: where it fires, beside its own activation; where it is silent, as if it fired a little.

Axes: T tokens, F features, E width that is written.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from models.dictionaries.base import SparseDictionary
from models.sparse.codes import SparseCodes

TOGETHER = 1024
"""Features whose overlaps with all others are held at once."""


@dataclass(frozen=True, slots=True)
class InterferenceSums:
    """Sums over tokens; a value with a zero and a plus."""

    n_tokens: int
    firings_F: Tensor
    own_F: Tensor
    """Squared activations."""
    while_firing_F: Tensor
    """Squares of what others write along the feature where it fires."""
    while_silent_F: Tensor
    """The same where it is silent."""

    @classmethod
    def zero(cls, n_features: int) -> Self:
        zeros_F = torch.zeros(n_features, dtype=torch.float64)
        return cls(0, torch.zeros(n_features, dtype=torch.int64), zeros_F, zeros_F, zeros_F)

    @classmethod
    @torch.no_grad()
    def of(cls, sae: SparseDictionary, codes: SparseCodes) -> Self:
        """Of some tokens' codes; the more at once, the less each costs.

        Of all tokens a feature's sum is a form in the second moments of what is written, r'(Σ w w')r: none of the
        products (T, F) is made but those where a feature fires.
        """
        rows_FE, written_TE = sae.W_dec.detach().double(), (sae.decode(codes) - sae.b_dec).double()
        all_F = ((rows_FE @ (written_TE.T @ written_TE)) * rows_FE).sum(1)
        slots, acts_M = codes.slots()
        nothing_E, nothing_F = rows_FE.new_zeros(rows_FE.shape[1]), rows_FE.new_zeros(len(rows_FE))
        along_M = slots.products(written_TE, nothing_E, rows_FE, nothing_F)

        def by_feature(values_M: Tensor) -> Tensor:
            return torch.bincount(slots.features_M, values_M.double().square(), minlength=len(rows_FE))

        others_M = along_M - acts_M * rows_FE.square().sum(1)[slots.features_M]
        firings_F = torch.bincount(slots.features_M, minlength=len(rows_FE))
        silent_F = torch.where(firings_F < len(written_TE), all_F - by_feature(along_M), 0.0)

        return cls(
            len(codes.acts_TK),
            firings_F.cpu(),
            by_feature(acts_M).cpu(),
            by_feature(others_M).cpu(),
            silent_F.clamp_min(0).cpu(),
        )

    def __add__(self, other: "InterferenceSums") -> "InterferenceSums":
        return InterferenceSums(
            self.n_tokens + other.n_tokens,
            self.firings_F + other.firings_F,
            self.own_F + other.own_F,
            self.while_firing_F + other.while_firing_F,
            self.while_silent_F + other.while_silent_F,
        )

    @property
    def leak_F(self) -> Tensor:
        """Root mean square of what others write where the feature fires, over that of its activation."""
        return (self.while_firing_F / self.own_F).sqrt()

    @property
    def silent_leak_F(self) -> Tensor:
        """The same where it is silent."""
        silent_F = (self.n_tokens - self.firings_F).clamp_min(1)
        return ((self.while_silent_F / silent_F) / (self.own_F / self.firings_F)).sqrt()


@torch.no_grad()
def dimensionality(rows_FE: Tensor, alive_F: Tensor) -> Tensor:
    """What share of a dimension each live feature has among the live ones: 1 / sum_j cos(i, j)^2; NaN of dead ones."""
    unit_AE = torch.nn.functional.normalize(rows_FE[alive_F].float(), dim=1)
    shares = [1 / (some @ unit_AE.T).square().sum(1) for some in unit_AE.split(TOGETHER)]
    found_F = torch.full((len(rows_FE),), torch.nan)
    found_F[alive_F] = torch.cat(shares) if shares else found_F[alive_F]
    return found_F
