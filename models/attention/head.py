"""One attention head of a model, and which heads a model has."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import torch

from models.language_model.hooked_model import HookedModel
from models.language_model.self_test import probe_tokens
from models.language_model.sites import Site


class Head(NamedTuple):
    """A head by its block and its place there, both counted from 0; as text `5.1`."""

    layer: int
    head: int

    def __str__(self) -> str:
        return f"{self.layer}.{self.head}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """Reads `5.1`.

        Raises:
            ValueError: If the text is no such name.
        """
        written = re.fullmatch(r"([0-9]{1,4})\.([0-9]{1,4})", text)
        if written is None:
            raise ValueError(f"{text!r} names no head: write block and head, such as 5.1")
        return cls(int(written[1]), int(written[2]))


@torch.no_grad()
def head_counts(host: HookedModel) -> list[int]:
    """Heads of each block.

    Raises:
        ValueError: If the model is an encoder, or its attention cannot be read.
    """
    if not host.is_causal:
        raise ValueError(
            f"{host.architecture} reads both ways and predicts no next token, so that none of its heads goes on with a "
            "sequence: take a causal language model"
        )
    sites = [Site("attn_pattern", layer) for layer in range(host.n_layers)]
    with host.capture(sites) as patterns:
        host.forward(probe_tokens(host.model, host.tokenizer))
    return [patterns[site].shape[1] for site in sites]


def heads_of(counts: Sequence[int]) -> list[Head]:
    """Every head, block by block."""
    return [Head(layer, head) for layer, n in enumerate(counts) for head in range(n)]
