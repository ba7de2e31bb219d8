"""The course of a training run: how many steps, how fast, what counts as dead, when something is written down."""

import math
from dataclasses import dataclass

import torch

from models.device import has_fast_bfloat16
from models.training.config import TrainingSettings

WARMUP, DECAY = 0.05, 0.2
"""Shares of the run in which the learning rate rises from 0 and falls back to 0, linearly."""
LONGEST_WARMUP = 1000
MOMENTUM = 0.9
"""Adam's first beta."""
MEMORY, LONGEST_MEMORY = 0.05, 1000
"""Share of the run, and steps at most, over which Adam's mean of squared gradients reaches back."""
LONGEST_DEAD_WINDOW = 10_000_000
LARGEST_DEAD_SHARE = 0.05
"""Of the run."""
DEAD_AFTER_FIRINGS, DEAD_AFTER_STEPS = 64, 8
"""Firings of a feature of mean density, and steps, after which one that has not fired may be dead."""
DEAD_AFTER_INTERVALS = 16
"""Times that a feature's silence exceeds the mean interval between its own firings, if it is dead and not rare."""
MOST_ROWS = 200
"""Rows of the training curves, at most."""


@dataclass(frozen=True, slots=True)
class TrainingSchedule:
    """What settings, width and device come to, in steps."""

    n_steps: int
    batch_tokens: int
    peak: float
    warmup: int
    decay: int
    """Step at which the learning rate begins to fall and the final densities begin to be counted."""
    betas: tuple[float, float]
    """Of Adam."""
    dead_after_tokens: int
    """Tokens of silence within which no feature is dead."""
    surely_dead_after_tokens: int
    """Tokens of silence after which every feature is, however rarely it fired before."""
    per_row: int
    per_checkpoint: int
    aux_coefficient: float
    encoder_matmul_dtype: torch.dtype

    @classmethod
    def of(cls, settings: TrainingSettings, d_in: int, device: torch.device, mean_density: float) -> "TrainingSchedule":
        """`mean_density` is the share of the tokens on which the dictionary's features are to fire, on average."""
        n_steps = math.ceil(settings.tokens / settings.batch_tokens)
        per_row = math.ceil(n_steps / MOST_ROWS)
        matmul = settings.encoder_matmul_dtype
        if matmul == "auto":
            matmul = "bfloat16" if has_fast_bfloat16(device) else "float32"
        if settings.dead_after_tokens == "auto":
            longest = min(LONGEST_DEAD_WINDOW, math.ceil(LARGEST_DEAD_SHARE * n_steps * settings.batch_tokens))
            enough = max(math.ceil(DEAD_AFTER_FIRINGS / mean_density), DEAD_AFTER_STEPS * settings.batch_tokens)
            shortest = min(longest, enough)
        else:
            shortest = longest = settings.dead_after_tokens
        return cls(
            n_steps=n_steps,
            batch_tokens=settings.batch_tokens,
            peak=default_learning_rate(d_in) if settings.learning_rate == "auto" else settings.learning_rate,
            warmup=max(1, min(LONGEST_WARMUP, round(WARMUP * n_steps))),
            decay=n_steps - round(DECAY * n_steps),
            betas=(MOMENTUM, adam_memory_decay(n_steps)),
            dead_after_tokens=shortest,
            surely_dead_after_tokens=longest,
            per_row=per_row,
            per_checkpoint=max(1, settings.checkpoint_tokens // (settings.batch_tokens * per_row)) * per_row,
            aux_coefficient=settings.aux_coefficient,
            encoder_matmul_dtype=getattr(torch, matmul),
        )

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        rising = (step + 1) / self.warmup
        falling = (self.n_steps - step) / (self.n_steps - self.decay + 1)
        return self.peak * min(1.0, rising, falling)


def adam_memory_decay(n_steps: int) -> float:
    """Adam's second beta: its memory of 1 / (1 - beta) steps is a twentieth of the run, at most the usual 1,000 steps.

    A row's gradient is large until the row has found its feature. A memory as long as the run divides what the row
    learns later by that beginning, so that a row that died, or took two features for one, hardly moves any more.
    """
    return 1 - 1 / max(1 / (1 - MOMENTUM), min(LONGEST_MEMORY, MEMORY * n_steps))


def default_learning_rate(d_in: int) -> float:
    """Peak rate of Adam: 0.05 / sqrt(D).

    Adam moves every entry by about the rate, so a row of norm 1 turns by about rate x sqrt(D) radians a step, whatever
    the width: 0.05 suits runs of some thousand steps. Measured: on planted directions (D 128, 1,500 steps) the mean
    best cosine is .40 at a turn of .003, .77 at .011, .990 at .034 and .994 at .11; on a small language model (D 256, F
    4,096, 977 steps) FVU is .057 at .016 and .044 at .048, with .0000 and .0007 of the features dead. The usual
    2e-4 / sqrt(F / 2^14) is made for runs a hundred times as long: name such a rate in the recipe.
    """
    return 0.05 / math.sqrt(d_in)
