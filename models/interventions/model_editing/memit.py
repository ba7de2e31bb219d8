"""MEMIT: facts changed at once, by edits of several blocks (Meng et al. 2023, Mass-Editing Memory in a Transformer).

For each fact a change δ of the stream behind the last of the blocks is searched for, as ROME searches for a value. The
blocks then take their part of it in turn, the earliest first, each an equal share of what is still missing:

R = (stream wanted - stream now) / blocks left;  ΔW = Rᵀ U,  U = K (λ C + Kᵀ K)⁻¹

ΔW is the least of λ E|ΔW k|² over ordinary keys + Σ |ΔW k_n - r_n|² over the facts: λ says for how many of them an
ordinary token counts. By Woodbury's identity U = (λ I + K C⁻¹ Kᵀ)⁻¹ K C⁻¹, which holds at λ = 0 too. There, with one
fact, one block and the prompt alone, it is ROME.

N facts, D model width, E neurons.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor

from models.interventions.model_editing.down_projection import DownProjection
from models.interventions.model_editing.key_covariance import KeyCovariance
from models.interventions.model_editing.rank_one_edit import RankOneEdit, applied_together
from models.interventions.model_editing.rome import (
    EditRequest,
    RomeEdit,
    ValueSearch,
    context_keys,
    search_value,
)
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site


def memit_edits(
    host: HookedModel,
    layers: Sequence[int],
    requests: Sequence[EditRequest],
    covariances: Mapping[int, KeyCovariance],
    weight: float,
    ridge: float,
    search: ValueSearch,
) -> list[list[RomeEdit]]:
    """The edits of some facts, together: of each fact one a block. Put in alone, those of one fact do less than it
    wants.

    Args:
        layers: Blocks, ascending; values are searched for at the last.
        covariances: Of each.
        weight: λ.
        ridge: Of the covariances.

    Raises:
        InvalidEdit: If a block has no single down-projection in float32, or a covariance is not invertible.
    """
    last = DownProjection.of(host, layers[-1])
    original_ND = torch.stack([last(context_keys(host, last.layer, request.contexts[:1])[0]) for request in requests])
    found = [
        search_value(host, last, request, original_D.float(), search)
        for request, original_D in zip(requests, original_ND, strict=True)
    ]
    change_ND = torch.stack([each.change_D.double() for each in found])
    wanted_ND = _stream(host, last.layer, requests) + change_ND
    made: list[list[RomeEdit]] = [[] for _ in requests]
    with ExitStack() as edited:
        for number, layer in enumerate(layers):
            projection = DownProjection.of(host, layer)
            keys = [context_keys(host, layer, request.contexts).double().mean(0) for request in requests]
            share_ND = (wanted_ND - _stream(host, last.layer, requests)) / (len(layers) - number)
            u_NE = spread_keys(torch.stack(keys), covariances[layer], weight, ridge).float()
            edits = [
                RankOneEdit(layer, projection.name, host.weights_sha256, u_E, share_D.float())
                for u_E, share_D in zip(u_NE, share_ND, strict=True)
            ]
            edited.enter_context(applied_together(edits, host))
            for n, (edit, key_E) in enumerate(zip(edits, keys, strict=True)):
                value = found[n]
                made[n].append(
                    RomeEdit(
                        edit,
                        key_E,
                        original_ND[n] + change_ND[n],
                        original_ND[n],
                        value.steps,
                        value.negative_log_likelihood,
                        value.kl,
                    )
                )
    return made


def spread_keys(key_NE: Tensor, covariance: KeyCovariance, weight: float, ridge: float) -> Tensor:
    """U (N, E) in float64: what each fact's change is multiplied by."""
    solved_NE = covariance.solve(key_NE.T, ridge).T.to(key_NE.device)
    gram_NN = key_NE.double() @ solved_NE.T + weight * torch.eye(len(key_NE), dtype=torch.float64, device=key_NE.device)
    return torch.linalg.solve(gram_NN, solved_NE)


@torch.no_grad()
def _stream(host: HookedModel, layer: int, requests: Sequence[EditRequest]) -> Tensor:
    """The stream behind a block where each fact's key is read, of its prompt alone (N, D)."""
    site, rows = Site("resid_post", layer), list[Tensor]()
    for alone in (request.contexts[0] for request in requests):
        with host.capture([site]) as found:
            host.forward(torch.tensor([alone.token_ids]))
        rows.append(found[site][0, alone.position].double())
    return torch.stack(rows)
