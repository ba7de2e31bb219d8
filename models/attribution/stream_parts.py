"""The residual stream that the final norm reads, as the sum of what each part of the model added to it.

Elhage et al. 2021, A Mathematical Framework for Transformer Circuits. What a block adds is read where it is added,
behind the norms and scales that a family puts there. H heads, D width of the stream, E width of all heads side by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from models.attribution.head_outputs import head_counts, head_outputs
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site


@dataclass(frozen=True, slots=True)
class StreamPart:
    """What one part of the model added to the stream at a position."""

    component: str
    """embed, positions, head, attention_bias, attention (of a block whose heads cannot be told apart), mlp; of a
    dictionary feature, dictionary_bias, skip, error."""
    added_D: Tensor
    layer: int | None = None
    head: int | None = None
    feature_id: int | None = None


@dataclass(frozen=True, slots=True)
class PositionRun:
    """What one pass said at the last position of a prompt."""

    values: Mapping[Site, Tensor]
    """(D,) each: the stream at both ends, what each block's attention and MLP added, and what else was asked for."""
    positions_D: Tensor
    """What enters the first block whatever the token is: position embeddings, where a model has them."""
    n_heads: list[int]
    """Heads of every block; empty where heads are not told apart."""


@torch.no_grad()
def run_at_last_position(
    host: HookedModel, token_ids: tuple[int, ...], *more: Site, by_head: bool = True
) -> PositionRun:
    """Everything that is added to the stream at the last position, and the values of further sites there."""
    n_heads = head_counts(host) if by_head else []
    layers, row_BP = range(host.n_layers), torch.tensor([token_ids])
    first, last = Site("resid_pre", 0), Site("final_norm_in")
    kinds = ("attn_out", "mlp_out", *(["z"] if n_heads else []))
    sites = [first, last, *more, *(Site(kind, layer) for kind in kinds for layer in layers)]
    with host.capture(sites) as values:
        host.forward(row_BP)
    with host.intervene({Site("embed"): torch.zeros_like}), host.capture([first]) as without:
        host.forward(row_BP)
    return PositionRun({site: x[0, -1] for site, x in values.items()}, without[first][0, -1], n_heads)


def stream_parts(host: HookedModel, run: PositionRun) -> list[StreamPart]:
    """The parts; their sum is what the final norm reads, up to rounding."""
    layers = range(host.n_layers)
    attention_D = {layer: run.values[Site("attn_out", layer)] for layer in layers}
    z_E = {layer: run.values[Site("z", layer)] for layer in layers if run.n_heads}
    by_head = head_outputs(host, run.n_heads, z_E, attention_D) if run.n_heads else {}
    parts = [StreamPart("embed", run.values[Site("resid_pre", 0)] - run.positions_D)]
    if run.positions_D.any():
        parts.append(StreamPart("positions", run.positions_D))
    for layer in layers:
        if layer in by_head:
            heads_HD, bias_D = by_head[layer].heads_HD, by_head[layer].bias_D
            parts += [StreamPart("head", head_D, layer, head) for head, head_D in enumerate(heads_HD)]
            parts += [StreamPart("attention_bias", bias_D, layer)] if bias_D.any() else []
        else:
            parts.append(StreamPart("attention", attention_D[layer], layer))
        parts.append(StreamPart("mlp", run.values[Site("mlp_out", layer)], layer))
    return parts
