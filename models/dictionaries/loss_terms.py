"""One batch in training: what its cost may depend on besides the activations, and what it came to.

Axes: T tokens, E width that is written, F features.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.sparse.entries import Entries
from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a loss may depend on besides the batch."""

    step: int
    n_steps: int
    dead_F: Tensor
    """Features that have been silent for the whole dead window."""
    aux_coefficient: float
    encoder_matmul_dtype: torch.dtype
    """Precision of the encoder's product."""
    process_group: ProcessGroup = SINGLE_PROCESS
    """The processes among which the batch is divided, or the dictionary: each has a part of the one or of the other,
    and the sum of their losses is what the batch costs."""

    @property
    def progress(self) -> float:
        """Share of the run that is over."""
        return self.step / self.n_steps

    def mean_l0(self, firings_F: Tensor, rows_TE: Tensor) -> float:
        """Features that fire on a token of the whole batch, of which this process has these rows and firings."""
        group = self.process_group
        return int(group.sum(firings_F.sum())) / group.tokens(rows_TE)

    def exact(self, values_M: Tensor | None) -> Tensor | None:
        """Pre-activations found while the features were chosen, where the encoder's product was taken in float32."""
        return values_M if self.encoder_matmul_dtype == torch.float32 else None


@dataclass(frozen=True, slots=True)
class TrainingCodes:
    """Codes of a batch in training; M places."""

    acts_M: Tensor
    entries: Entries
    penalty: Tensor | float = 0.0
    """What their sparsity costs, in the unit of a sum of squared errors."""


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """What codes leave of the batch that is to be written."""

    squared_error: Tensor
    """This process's part of the sum; gradients flow from it."""
    error_TE: Tensor
    firings_F: Tensor
    """Tokens of the batch on which each feature fired."""


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
