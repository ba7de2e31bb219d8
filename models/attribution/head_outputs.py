"""What each head of a block adds to the residual stream, by the model's own arithmetic.

No weight is named. A block's attention adds, at a position, a function of what its heads say there (`z`), so a pass
over one position whose rows leave one head its z and the others 0 says what each head adds, and the row in which all
are 0 says what is added whatever they say (the output bias). Where these do not add up to what the block really added,
as behind the norm that Gemma 2 puts there, the heads of that block cannot be told apart.

H heads, D width of the stream, E width of all heads side by side.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.language_model.hooked_model import HookedModel
from models.language_model.self_test import probe_tokens
from models.language_model.sites import Site


@dataclass(frozen=True, slots=True)
class HeadOutputs:
    """What the attention of one block adds at one position."""

    heads_HD: Tensor
    bias_D: Tensor
    """What it adds if no head says anything."""


@torch.no_grad()
def head_counts(host: HookedModel) -> list[int]:
    """Heads of every block; none where the model's attention cannot be read."""
    sites = [site for site in host.attention_sites if site.kind == "attn_pattern"]
    if not sites:
        return []
    with host.capture(sites) as patterns:
        host.forward(probe_tokens(host.model, host.tokenizer)[:, :1])
    return [patterns[site].shape[1] for site in sites]


@torch.no_grad()
def head_outputs(
    host: HookedModel, n_heads: Sequence[int], z_E: Mapping[int, Tensor], attention_D: Mapping[int, Tensor]
) -> dict[int, HeadOutputs]:
    """Of every block whose heads add up to what its attention adds.

    Args:
        host: The model.
        n_heads: Heads of every block.
        z_E: What the heads of a block say at the position, by block.
        attention_D: What the block's attention added there.
    """
    n_rows, sites = max(n_heads) + 1, [Site("attn_out", layer) for layer in z_E]
    edits = {Site("z", layer): _one_head_a_row(z, n_heads[layer]) for layer, z in z_E.items()}
    with host.intervene(edits), host.capture(sites) as added:
        host.forward(probe_tokens(host.model, host.tokenizer)[:, :1].expand(n_rows, 1))
    outputs = {}
    for layer, wanted_D in attention_D.items():
        rows_RD = added[Site("attn_out", layer)][:, 0].double()
        found = HeadOutputs(rows_RD[: n_heads[layer]] - rows_RD[-1], rows_RD[-1])
        rounding = 64 * torch.finfo(wanted_D.dtype).eps * float(rows_RD.abs().max())
        if torch.allclose(found.heads_HD.sum(0) + found.bias_D, wanted_D.double(), rtol=0, atol=rounding):
            outputs[layer] = found
    return outputs


def _one_head_a_row(z_E: Tensor, n_heads: int) -> Callable[[Tensor], Tensor]:
    def edit(z_RPE: Tensor) -> Tensor:
        alone_RHd = torch.zeros_like(z_RPE[:, 0]).unflatten(-1, (n_heads, -1))
        for head in range(n_heads):
            alone_RHd[head, head] = z_E.unflatten(-1, (n_heads, -1))[head]
        return alone_RHd.flatten(1)[:, None]

    return edit
