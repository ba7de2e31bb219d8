"""Trees: which more general feature a feature stands under, by what fires together and by what never does.

A parent by co-firing fires wherever the child does and elsewhere too; of several the narrowest is taken. Where a
dictionary splits a feature, the general one often stays silent on what the special one took over ("absorption", Chanin
et al. 2024): they point alike and never fire together, which the vectors alone give away.

Axes: F features, B children at a time, M edges.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from models.features.coactivation import CodesFactory, cofiring_counts
from models.features.feature_families_config import FeatureFamilySettings

SCARCE = 4
"""An absence tells from fewer joint firings than a share: where five are due by chance, .7 % of pairs have none."""
ParentKind = Literal["cofire", "absorbed"]


@dataclass(frozen=True, slots=True)
class Parent:
    """An edge of the tree."""

    child: int
    parent: int
    kind: ParentKind
    share: float
    """Of the child's firings, at which the parent fires."""
    lift: float
    """How many times as often they fire together as by chance."""
    cosine: float


@torch.no_grad()
def feature_parents(
    codes: CodesFactory, W_dec_FD: Tensor, n_tokens: int, settings: FeatureFamilySettings
) -> Iterator[Parent]:
    """Edges in order of child, at most one of each kind.

    Args:
        codes: All codes of the corpus.
        W_dec_FD: Decoder rows.
        n_tokens: Tokens of the corpus.
        settings: What counts as a parent.
    """
    unit_FD = torch.nn.functional.normalize(W_dec_FD.float().cpu(), dim=1)
    for first, counts_BF, firings_F in cofiring_counts(codes, len(unit_FD)):
        for start, shared_BF in zip(range(first, first + len(counts_BF), 512), counts_BF.split(512), strict=True):
            child_B = torch.arange(start, start + len(shared_BF))
            yield from _edges(shared_BF.double(), child_B, firings_F.double(), unit_FD, n_tokens, settings)


def _edges(
    shared_BF: Tensor,
    child_B: Tensor,
    firings_F: Tensor,
    unit_FD: Tensor,
    n_tokens: int,
    settings: FeatureFamilySettings,
) -> Iterator[Parent]:
    own_B1 = firings_F[child_B, None]
    share_BF = shared_BF / own_B1.clamp_min(1)
    chance_BF = own_B1 * firings_F / n_tokens
    lift_BF = shared_BF / chance_BF.clamp_min(1e-12)
    cosine_BF = (unit_FD[child_B] @ unit_FD.T).double()
    tested_BF = (own_B1 >= settings.fewest_firings) & (firings_F > own_B1)
    general_BF = (
        tested_BF
        & (share_BF >= settings.parent_share)
        & (firings_F > settings.parent_rate * own_B1)
        & (lift_BF > settings.parent_lift)
    )
    absorbed_BF = (
        tested_BF
        & (SCARCE * chance_BF >= settings.fewest_firings)
        & (cosine_BF > settings.absorbed_cosine)
        & (lift_BF < settings.absorbed_share)
    )
    narrow_BF = torch.where(general_BF, -firings_F, -torch.inf)
    alike_BF = torch.where(absorbed_BF, cosine_BF, -torch.inf)
    parents: dict[ParentKind, Tensor] = {"cofire": narrow_BF, "absorbed": alike_BF}
    best: list[tuple[ParentKind, np.ndarray, list[int]]] = [
        (kind, of_BF.max(1).values.numpy(), of_BF.argmax(1).tolist()) for kind, of_BF in parents.items()
    ]
    for row, child in enumerate(child_B.tolist()):
        for kind, value_B, parent_B in best:
            if np.isfinite(value_B[row]):
                at = row, parent_B[row]
                yield Parent(child, parent_B[row], kind, float(share_BF[at]), float(lift_BF[at]), float(cosine_BF[at]))
