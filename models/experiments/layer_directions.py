"""Directions of the stream behind blocks, made from two kinds of prompts.

N prompts of a kind, D model width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.experiments.contrast_prompts import ContrastPrompts, read_stream
from models.experiments.kept_results import KeptResults
from models.experiments.prompt import InvalidPrompt
from models.interventions.contrast_directions import (
    mean_difference,
    pca_difference,
    shuffled_labels,
    with_half_exchanged,
)
from models.language_model.hooked_model import HookedModel

READ_AT = {"caa": "last", "pca_difference": "last", "mean_difference": "text"}
"""Which tokens each kind is made from."""
NEED_PAIRS = ("caa", "pca_difference")


@dataclass(frozen=True, slots=True)
class LayerDirection:
    """A direction behind one block, with what the same method makes of shuffled labels."""

    kind: str
    layer: int
    vector_D: Tensor
    shuffled_D: Tensor
    stream_norm: float
    """Mean length of the stream that it was made from."""


def kinds_of(prompts: ContrastPrompts, asked: Sequence[str] | None) -> Sequence[str]:
    """The kinds that were asked for, or all that the prompts allow.

    Raises:
        InvalidPrompt: If one that was asked for is made from pairs and the prompts are none.
    """
    possible = [kind for kind in READ_AT if prompts.are_pairs or kind not in NEED_PAIRS]
    if asked and (lacking := [kind for kind in asked if kind not in possible]):
        raise InvalidPrompt(f"{', '.join(lacking)} is made from pairs: give a set of kind contrast_pairs")
    return asked or possible


def layers_of(host: HookedModel, asked: Sequence[int] | None) -> Sequence[int]:
    """The blocks that were asked for, or all.

    Raises:
        ValueError: If the model lacks one.
    """
    if beyond := [layer for layer in asked or () if layer >= host.n_layers]:
        raise ValueError(f"layers {beyond} of a model with blocks 0 to {host.n_layers - 1}: name some of these")
    return asked if asked is not None else range(host.n_layers)


def layer_directions(
    host: HookedModel,
    prompts: ContrastPrompts,
    kinds: Sequence[str],
    layers: Sequence[int],
    seed: int,
    kept: KeptResults,
) -> Iterator[LayerDirection]:
    """A direction of each kind behind each block; the prompts' stream is kept for a run that goes on."""
    positive, negative = (
        read_stream(host, side, layers, prompts.n_special, kept, name)
        for name, side in (("positive", prompts.positive), ("negative", prompts.negative))
    )
    shuffle = with_half_exchanged if prompts.are_pairs else shuffled_labels
    for kind in kinds:
        make = pca_difference if kind == "pca_difference" else mean_difference
        for place, layer in enumerate(layers):
            one_ND, other_ND = positive[READ_AT[kind]][place], negative[READ_AT[kind]][place]
            shuffled_D = make(*shuffle(one_ND, other_ND, seed))
            norm = float(torch.cat([one_ND, other_ND]).norm(dim=-1).mean())
            yield LayerDirection(kind, layer, make(one_ND, other_ND), shuffled_D, norm)
