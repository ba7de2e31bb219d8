"""The weight of a sparsity penalty: a number that someone chose, or one that is steered towards an L0.

Which weight gives which L0 depends on model, site and width. So, where no number was chosen, the weight is moved while
training goes on, by the ratio of the L0 found to the L0 wanted: an L0 that is off by a factor e throughout would move
the weight's logarithm by TRAVEL over the run, and moves it by PULL at once. What is wanted falls from WIDE times the
recipe's L0 to the recipe's, evenly in its logarithm: features that are made sparse at once are poor ones. On the
planted directions of the tests the mean best cosine of gated / L1 dictionaries is .82 / .87 when the L0 is wanted from
the first step, .93 / .89 when it is reached after half the run, .94 / .98 after three quarters.
"""

import math

import torch
from torch import Tensor, nn

START = 1.0
INTEGRAL_GAIN = 20.0
PROPORTIONAL_GAIN = 1.0
WIDE, SETTLED = 8.0, 0.75
"""Times the L0 that is wanted at first; share of the run after which the L0 is wanted as it is."""
SMOOTHING = 0.9
"""Of the running mean of log (L0 / wanted)."""


class SparsityController(nn.Module):
    """State of the dictionary that it belongs to: saved with it, never learned by gradient."""

    def __init__(self, coefficient: float | str, wanted: float, warmup: float) -> None:
        """`coefficient` is a number or `auto`; `warmup` the share of the run in which the weight rises from 0."""
        super().__init__()
        self.fixed = None if coefficient == "auto" else float(coefficient)
        self.wanted, self.warmup = wanted, warmup
        self.register_buffer("log_weight", torch.tensor(math.log(START), dtype=torch.float64))
        self.register_buffer("excess", torch.tensor(0.0, dtype=torch.float64))

    log_weight: Tensor
    excess: Tensor
    """Running mean of log (L0 / wanted)."""

    def update(self, l0: float, step: int, n_steps: int) -> float:
        """The weight for a batch on which the dictionary has this L0; moves it for the next."""
        warm = min(1.0, step / n_steps / self.warmup) if self.warmup else 1.0
        if self.fixed is not None:
            return self.fixed * warm
        wanted = self.wanted * WIDE ** max(0.0, 1 - step / n_steps / SETTLED)
        off = max(-1.0, min(1.0, math.log(max(l0, 1e-3) / wanted)))
        self.excess.mul_(SMOOTHING).add_((1 - SMOOTHING) * off)
        self.log_weight.add_(INTEGRAL_GAIN / n_steps * float(self.excess))
        return math.exp(float(self.log_weight) + PROPORTIONAL_GAIN * float(self.excess)) * warm
