"""Which tokens of a context have activations: one rule for harvest, training, statistics, evaluation and own text.

Special tokens have none: features of BOS and padding say nothing of text. Nor have the first `skip_first` text tokens,
where a model keeps an attention sink that no token before the text takes on. What else is left out is decided by an
activation's norm, site by site (`within`).

Axes: C contexts, R their tokens one after another, T tokens, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.corpora.context_frame import NO_FRAME, SpecialTokens


@dataclass(frozen=True, slots=True)
class TokenFilter:
    """Tells text tokens from special ones, and tokens that are read from text that is fed only."""

    special_ids: frozenset[int]
    frame: SpecialTokens = NO_FRAME

    @classmethod
    def of(cls, tokenizer: Any, frame: SpecialTokens | None = None) -> "TokenFilter":
        """The rule for a tokenizer's contexts in a frame; its own habit if none is given."""
        return cls(frozenset(tokenizer.all_special_ids), frame or SpecialTokens.of(tokenizer))

    def masks(self, rows: Sequence[np.ndarray]) -> "TokenMasks":
        """What each token of some contexts is, one context after another."""
        lengths = np.array([len(row) for row in rows])
        tokens_R, ends = np.concatenate(rows), np.cumsum(lengths)
        position_R = np.arange(len(tokens_R)) - np.repeat(ends - lengths, lengths)
        after_R = np.repeat(lengths - len(self.frame.suffix), lengths)
        is_special_R = np.isin(tokens_R, np.array(sorted(self.special_ids), dtype=tokens_R.dtype))
        is_text_R = ~is_special_R & (position_R >= len(self.frame.prefix)) & (position_R < after_R)
        return TokenMasks(tokens_R, position_R, lengths, is_text_R, is_text_R & (position_R >= self.frame.first_read))


@dataclass(frozen=True, slots=True)
class TokenMasks:
    """The tokens of contexts one after another: their ids and positions, which are text and which are read.

    Text is neither part of the frame nor special; what is read is text from the frame's first position on.
    """

    tokens_R: np.ndarray
    position_R: np.ndarray
    lengths_C: np.ndarray
    is_text_R: np.ndarray
    is_read_R: np.ndarray


def within(x_TD: Tensor, norm_limit: float | None) -> Tensor:
    """Whether each activation's norm is at most the site's limit; all are where there is none. Shape (T,), boolean."""
    if norm_limit is None:
        return torch.ones(len(x_TD), dtype=torch.bool, device=x_TD.device)
    return torch.linalg.vector_norm(x_TD, dim=1, dtype=torch.float32) <= norm_limit
