"""One feature of a dictionary off and another on, where the first fires: does the answer follow?

x' = x + (f'_off − f_off) W_dec[off] + (f'_on − f_on) W_dec[on], with f'_off = 0 and f'_on = the value asked for, at the
text positions where the first feature fires and at the last; x everywhere else. A feature that is swapped with itself
is set to the value.

P positions, D width that is read, E width that is written, F features, B swaps of a batch, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.dictionaries.base import SparseDictionary
from models.interventions.edited_completions import InvalidStrength
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

SWAPS_PER_PASS = 32


@dataclass(frozen=True, slots=True)
class FeatureSwap:
    """Two features, and the activation that the second is given."""

    off: int
    on: int
    value: float
    where: int
    """The feature whose firing says at which positions: `off`, or of a baseline the one that it stands for."""


@torch.no_grad()
def text_codes(
    host: HookedModel, sae: SparseDictionary, read: Site, token_ids: Sequence[int], n_special: int
) -> tuple[Tensor, Tensor]:
    """Activations of all features (P, F), 0 at special tokens before the text, and the logits at the end (V)."""
    with host.capture([read], stop_early=False) as captured:
        logits_BPV = host.forward(torch.tensor([list(token_ids)]))
    assert logits_BPV is not None, "a pass that is not stopped has logits"
    x_PD = captured[read][0]
    codes_PF = torch.zeros(len(x_PD), sae.n_features, device=x_PD.device)
    codes_PF[n_special:] = sae.encode(x_PD[n_special:]).dense().float()
    return codes_PF, logits_BPV[0, -1].float()


def swap_change(sae: SparseDictionary, codes_PF: Tensor, swap: FeatureSwap) -> Tensor:
    """What the swap adds where the dictionary writes (P, E)."""
    reached_P1 = (codes_PF[:, swap.where] > 0)[:, None]
    reached_P1[-1] = True
    wanted = {swap.off: 0.0} | {swap.on: swap.value}
    W_dec_FE = sae.W_dec.detach().float()
    return reached_P1 * sum((to - codes_PF[:, [feature]]) * W_dec_FE[feature] for feature, to in wanted.items())


@torch.no_grad()
def swapped_logits(
    host: HookedModel,
    sae: SparseDictionary,
    written: Site,
    token_ids: Sequence[int],
    codes_PF: Tensor,
    swaps: Sequence[FeatureSwap],
) -> Tensor:
    """The logits behind the prompt under each swap (B, V).

    Raises:
        InvalidStrength: If one of them is not a number, with the place of its swap.
    """
    parts = []
    for start in range(0, len(swaps), SWAPS_PER_PASS):
        some = swaps[start : start + SWAPS_PER_PASS]
        change_BPE = torch.stack([swap_change(sae, codes_PF, swap) for swap in some])
        with host.intervene({written: lambda y_BPE, added=change_BPE: y_BPE.float() + added}):
            logits_BPV = host.forward(torch.tensor([list(token_ids)] * len(some)))
        assert logits_BPV is not None, "a pass that is not stopped has logits"
        parts.append(logits_BPV[:, -1].float())
    logits_BV = torch.cat(parts)
    if (unusable_B := logits_BV.isnan().any(1)).any():
        row = int(unusable_B.int().argmax())
        raise InvalidStrength(
            row,
            f"{host.architecture} gives logits that are not numbers when feature {swaps[row].on} is set to "
            f"{swaps[row].value:g}: take smaller strengths, or compute in float32",
        )
    return logits_BV
