"""One forward pass at a time: which positions it computes, and which of them an edit may change."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal

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


@dataclass(eq=False)
class PassTracker:
    """Follows the passes of one model, of which no two run at once."""

    name: str
    """Of the model, for the error."""
    current: Pass = field(default_factory=lambda: Pass(0, 0, 0))
    generating: bool = False
    is_undisturbed: bool = False
    _lock: Any = field(default_factory=Lock)

    def begin(self, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A forward pre-hook of the model."""
        if self.is_undisturbed:
            return
        given = [*args, kwargs.get("input_ids"), kwargs.get("inputs_embeds")]
        n_rows, n_positions = next(x for x in given if x is not None).shape[:2]
        cache = kwargs.get("past_key_values")
        start = 0 if cache is None else cache.get_seq_length()
        is_prompt = start == 0 and not self.generating
        self.current = Pass(n_rows, start + n_positions, n_positions if is_prompt else self.current.n_prompt)

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Raises RuntimeError where a pass is under way."""
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(
                f"a second pass of {self.name} began while one is under way, in an edit or in another thread: "
                "captures and edits belong to the model, not to a call. Wait for the first, or load the model twice"
            )
        try:
            yield
        finally:
            self._lock.release()

    @contextmanager
    def generation(self, n_rows: int, n_prompt: int) -> Iterator[None]:
        """The passes within the block continue a prompt."""
        with self.one_at_a_time():
            self.generating, self.current = True, Pass(n_rows, n_prompt, n_prompt)
            try:
                yield
            finally:
                self.generating = False

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """The passes within the block are neither read nor edited by what is open."""
        with self.one_at_a_time():
            self.is_undisturbed = True
            try:
                yield
            finally:
                self.is_undisturbed = False
