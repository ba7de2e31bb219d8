"""The text tokens of a run of contexts as flat rows: what a window is cut from.

Axes: C contexts, R rows, N windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from models.corpora.contexts import Context
from models.corpora.token_filter import TokenFilter


@dataclass(frozen=True)
class TokenRows:
    """Tokens of consecutive contexts in stored order, special tokens left out, those that are not read included."""

    contexts: Sequence[Context]
    tokens_R: np.ndarray
    positions_R: np.ndarray
    lengths_C: np.ndarray
    first_read: int
    """Position of the first token of a context that may be read."""

    @classmethod
    def of(cls, contexts: Sequence[Context], token_filter: TokenFilter) -> Self:
        masks = token_filter.masks([context.token_ids for context in contexts])
        is_text_R, ends = masks.is_text_R, np.cumsum(masks.lengths_C)
        lengths_C = np.diff(np.concatenate([[0], np.cumsum(is_text_R)[ends - 1]]))
        positions_R = masks.position_R[is_text_R].astype(np.int32)
        return cls(contexts, masks.tokens_R[is_text_R], positions_R, lengths_C, token_filter.frame.first_read)

    @property
    def first_context(self) -> int:
        return self.contexts[0].context_id

    @cached_property
    def starts_C(self) -> np.ndarray:
        """First row of each context."""
        return np.cumsum(self.lengths_C) - self.lengths_C

    @cached_property
    def context_R(self) -> np.ndarray:
        """Which of the contexts a row belongs to, counted from the first."""
        return np.repeat(np.arange(len(self.contexts)), self.lengths_C)

    @cached_property
    def _row_CP(self) -> np.ndarray:
        row_CP = np.full((len(self.contexts), int(self.positions_R.max(initial=0)) + 1), -1, dtype=np.int32)
        row_CP[self.context_R, self.positions_R] = np.arange(len(self.positions_R))
        return row_CP

    def at(self, context_M: np.ndarray, position_M: np.ndarray) -> np.ndarray:
        """Row of each (context, position)."""
        width = self._row_CP.shape[1]
        return self._row_CP.ravel()[(context_M - self.first_context) * width + position_M]

    def window(self, row_N: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        """First row and the row after the last of a window around each row: half before it, within its context."""
        starts_N = self.starts_C[self.context_R[row_N]]
        ends_N = starts_N + self.lengths_C[self.context_R[row_N]]
        begin_N = row_N - width // 2
        return np.maximum(begin_N, starts_N), np.minimum(begin_N + width, ends_N)
