"""Which positions one forward pass computes, and which of them an edit may change."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Tokens = Literal["all", "prompt", "generated"]


@dataclass(frozen=True, slots=True)
class Pass:
    """The pass under way; positions are columns of the batch, counted from the prompt's first."""

    n_rows: int
    end: int
    """Position after the last one that is computed. With a cache a pass computes the last few only."""
    n_prompt: int

    def chosen(self, n: int, positions: Sequence[int] | None, tokens: Tokens) -> Tensor | None:
        """Which of the last n positions may be changed; None for all.

        Args:
            n: How many positions a value holds.
            positions: The positions named; a negative one is counted from the prompt's end.
            tokens: Part of the text.
        """
        if positions is None and tokens == "all":
            return None
        position_P = torch.arange(self.end - n, self.end)
        chosen_P = torch.ones(n, dtype=torch.bool)
        if positions is not None:
            named = torch.tensor([p + self.n_prompt if p < 0 else p for p in positions], dtype=torch.long)
            chosen_P &= torch.isin(position_P, named)
        if tokens != "all":
            chosen_P &= (position_P < self.n_prompt) == (tokens == "prompt")
        return chosen_P
