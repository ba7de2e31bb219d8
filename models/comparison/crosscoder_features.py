"""To which side of a crosscoder each feature belongs, by the norms of its two rows and by latent scaling.

Axes: F features, S sides.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.comparison.latent_scaling import LatentScaling

EXCLUSIVE, SHARED = 0.1, (0.4, 0.6)
"""Delta within which a feature is of one side alone, and of both."""
MOST_ERROR, MOST_RECONSTRUCTION = 0.2, 0.5
"""Of latent scaling, up to which a feature of one side is believed to be that (Minder et al. 2025)."""
MIDDLE = (0.2, 0.8)
"""Delta of the features by whose median the sides are made even."""


def relative_norms(norm_SF: Tensor) -> Tensor:
    """Delta: 0 where the first side alone has a row, 1 where the second, a half where both rows are as long."""
    own_F, other_F = norm_SF
    return 0.5 * ((other_F - own_F) / torch.maximum(own_F, other_F).clamp_min(1e-12) + 1)


def evened_norms(norm_SF: Tensor, alive_F: Tensor) -> Tensor:
    """Delta with the second side's norms scaled so that the median feature of both has a half: equal mean squares make
    a side with more features of its own write all others shorter."""
    delta_F = relative_norms(norm_SF)
    both_F = alive_F & (delta_F > MIDDLE[0]) & (delta_F < MIDDLE[1])
    if not both_F.any():
        return delta_F
    ratio = (norm_SF[0, both_F] / norm_SF[1, both_F]).median()
    return relative_norms(torch.stack([norm_SF[0], norm_SF[1] * ratio]))


@dataclass(frozen=True, slots=True)
class CrosscoderKinds:
    """What each feature is taken for."""

    kinds: list[str]
    """`own`, `other`, `shared` or `between`."""
    is_believed_F: Tensor
    """Of features of one side: neither error nor reconstruction of the other side has them."""


def crosscoder_kinds(delta_F: Tensor, scaling: LatentScaling) -> CrosscoderKinds:
    """Sorts features by their evened Delta."""
    kinds = [_kind(delta) for delta in delta_F.tolist()]
    believed_F = (
        (scaling.nu_error_F < MOST_ERROR)
        & (scaling.nu_reconstruction_F < MOST_RECONSTRUCTION)
        & (scaling.nu_vector_beyond_chance_F < MOST_ERROR)
    )
    is_exclusive_F = torch.tensor([kind in ("own", "other") for kind in kinds], dtype=torch.bool)
    return CrosscoderKinds(kinds, believed_F & is_exclusive_F)


def _kind(delta: float) -> str:
    if delta < EXCLUSIVE:
        return "own"
    if delta > 1 - EXCLUSIVE:
        return "other"
    return "shared" if SHARED[0] <= delta <= SHARED[1] else "between"
