"""The second model of a comparison, and how both are read side by side.

P positions of the one, Q of the other, S segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.corpora.text_tokens import text_token_ids
from models.experiments.feature_dictionary import FeatureDictionary
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site


@dataclass(frozen=True, slots=True)
class OtherModel:
    """A model beside the one that an experiment is about."""

    model_id: str
    host: HookedModel
    prefix: tuple[int, ...]
    """Special tokens before each text."""
    dictionary: FeatureDictionary | None
    """Its own; None where the method reads it with the first model's."""


class NoCommonText(ValueError):
    """Two models read none of the texts alike. Take texts that both can read."""


@dataclass(frozen=True, slots=True)
class TextReading:
    """One text as one model reads it."""

    x_PD: Tensor
    """Activations of the text's own tokens."""
    ends_P: np.ndarray
    """Characters of the text before each token's end."""


@torch.no_grad()
def read_text(host: HookedModel, site: Site, token_ids: Sequence[int], n_special: int, text: str) -> TextReading:
    """The activations of a text's own tokens, and where in the text each ends."""
    with host.capture([site]) as found:
        host.forward(torch.tensor([list(token_ids)]))
    x_PD = found[site][0, n_special:].float()
    spans = host.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    ends_P = np.array([end for _, end in spans[: len(x_PD)]], dtype=np.int64)
    return TextReading(x_PD[: len(ends_P)], ends_P)


def other_token_ids(other: OtherModel, text: str, most: int) -> list[int]:
    """A text as the other model reads it, cut after so many tokens of the text."""
    return [*other.prefix, *text_token_ids(other.host.tokenizer, [text])[0][:most]]


def common_segments(ends_P: np.ndarray, ends_Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each token of either model the segment that it belongs to: a piece of text at whose end both have a token's
    end; -1 behind the last one that both have."""
    shared_S = np.intersect1d(ends_P, ends_Q)
    found = []
    for ends in (ends_P, ends_Q):
        segment = np.searchsorted(shared_S, ends, side="left")
        found.append(np.where(segment < len(shared_S), segment, -1))
    return found[0], found[1]


def check_same_tokens(own: HookedModel, other: OtherModel, text: str) -> None:
    """Refuses a model that cuts a text into other tokens, of a method that reads both token by token.

    Raises:
        ValueError: Naming the method that aligns them.
    """
    if own.tokenizer(text)["input_ids"] != other.host.tokenizer(text)["input_ids"]:
        raise ValueError(f"{other.model_id} cuts texts into other tokens: ask `universality`, which aligns them")
