"""One batch in training: what its cost may depend on besides the activations, and what it came to.

Axes: T tokens, E width that is written, F features.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a loss may depend on besides the batch."""

    step: int
    n_steps: int
    dead_F: Tensor
    """Features that have been silent for the whole dead window."""
    aux_coefficient: float
    matmul: torch.dtype
    """Precision of the encoder's product."""

    @property
    def progress(self) -> float:
        """Share of the run that is over."""
        return self.step / self.n_steps


@dataclass(frozen=True, slots=True)
class LossTerms:
    """What a batch costs, and what the curves and the count of the dead need to know of it."""

    loss: Tensor
    """To be minimised; a scalar that gradients flow from."""
    aux_loss: Tensor
    """The part that revives features, before its coefficient; 0 where there is none."""
    error_TE: Tensor
    """What was to be written less what was, detached."""
    firings_F: Tensor
    """Tokens of the batch on which each feature fired."""
