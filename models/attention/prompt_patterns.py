"""Where the heads of a model look in one prompt: the weights that are worth a row."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.attention.head import Head
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site


@dataclass(frozen=True, slots=True)
class AttentionWeight:
    """How much of what stands at a key's position a head takes to a query's."""

    head: Head
    query_position: int
    key_position: int
    weight: float


@torch.no_grad()
def attention_weights(
    host: HookedModel, token_ids: Sequence[int], heads: Collection[Head], threshold: float, most: int
) -> list[AttentionWeight]:
    """The weights of some heads that reach a threshold, by head, query and key; where there are more than `most`, the
    largest of them."""
    sites = {layer: Site("attn_pattern", layer) for layer in sorted({head.layer for head in heads})}
    with host.capture(sites.values()) as patterns:
        host.forward(torch.tensor([list(token_ids)]))
    found = [
        weight
        for head in sorted(heads)
        for weight in _above(head, patterns[sites[head.layer]][0, head.head], threshold)
    ]
    strongest = sorted(found, key=lambda weight: -weight.weight)[:most]
    return sorted(strongest, key=lambda weight: (weight.head, weight.query_position, weight.key_position))


def _above(head: Head, pattern_PK: Tensor, threshold: float) -> list[AttentionWeight]:
    places = ((pattern_PK >= threshold) & (pattern_PK > 0)).nonzero()
    weights = pattern_PK[places[:, 0], places[:, 1]].tolist()
    return [
        AttentionWeight(head, query, key, weight) for (query, key), weight in zip(places.tolist(), weights, strict=True)
    ]
