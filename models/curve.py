"""Training curves: what happened between one row and the next.

Axes: T tokens, D width.
"""

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from models.dictionary import Outcome
from models.scaling import Moments


@dataclass(frozen=True, slots=True)
class Row:
    """What happened since the row before: one row of `sae_training`."""

    step: int
    tokens: int
    loss: float
    fvu: float
    l0: float
    aux_loss: float
    dead_fraction: float
    learning_rate: float
    tokens_per_second: float
    """The only figure that is not the same when the run is repeated."""


class Window:
    """Sums over the batches since the last row of the curve, in float64."""

    def __init__(self, width: int) -> None:
        self.moments = Moments.zero(width)
        self.error = self.loss = self.aux_loss = self.l0 = 0.0
        self.batches = 0
        self.began = time.perf_counter()

    def add(self, x_TD: Tensor, outcome: Outcome, n_firings: int) -> None:
        self.moments += Moments.of(x_TD)
        self.error += float(torch.linalg.vector_norm(outcome.error_TD, dtype=torch.float64)) ** 2
        self.loss += float(outcome.loss.detach())
        self.aux_loss += float(outcome.aux_loss)
        self.l0 += n_firings / len(x_TD)
        self.batches += 1

    def row(self, step: int, tokens: int, dead_fraction: float, learning_rate: float) -> Row:
        speed = self.moments.n / max(time.perf_counter() - self.began, 1e-9)
        loss, l0, aux_loss = (total / self.batches for total in (self.loss, self.l0, self.aux_loss))
        fvu = self.error / self.moments.variation
        return Row(step, tokens, loss, fvu, l0, aux_loss, dead_fraction, learning_rate, speed)
