"""Prompts behind which a model chooses between two tokens, and how likely it finds both.

N choices, K the two tokens of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.interventions.shifted_prediction import StreamShift, last_log_probabilities
from models.language_model.hooked_model import HookedModel


@dataclass(frozen=True, slots=True)
class Choice:
    """A prompt behind which the model chooses between two tokens."""

    token_ids: tuple[int, ...]
    matching: int
    """Token of who has the property."""
    other: int
    group: str


def choice_log_probabilities(host: HookedModel, choices: Sequence[Choice], *shifts: StreamShift) -> Tensor:
    """Log probability of the matching token and of the other, (N, 2) in float64, with vectors added to the stream;
    with a gradient where a shift wants one."""
    tokens_NK = torch.tensor([(choice.matching, choice.other) for choice in choices]).reshape(-1, 2)
    if not choices:
        return tokens_NK.double()
    parts, start = list[Tensor](), 0
    for log_BV in last_log_probabilities(host, [choice.token_ids for choice in choices], *shifts):
        tokens_BK = tokens_NK[start : start + len(log_BV)].to(log_BV.device)
        parts.append(log_BV.gather(1, tokens_BK).cpu().double())
        start += len(log_BV)
    return torch.cat(parts)


def matching_share(log_NK: Tensor) -> np.ndarray:
    """The matching token's share in the probability of both, (N,)."""
    return torch.softmax(log_NK, 1)[:, 0].numpy()
