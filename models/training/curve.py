"""Training curves: what happened between one row and the next.

Axes: T tokens, D width.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from statistics import fmean

import torch
from torch import Tensor

from models.dictionaries.normalization import RunningMoments
from models.sparse.process_group import ProcessGroup


@dataclass(frozen=True, slots=True)
class CurvePoint:
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

    @classmethod
    def mean(cls, rows: "Sequence[CurvePoint]") -> "CurvePoint":
        """Of several dictionaries at one step."""
        means: dict[str, float] = {
            field.name: fmean(getattr(row, field.name) for row in rows)
            for field in fields(cls)
            if field.name not in ("step", "tokens")
        }
        return replace(rows[0], **means)


class CurveWindow:
    """Sums over the batches since the last row of the curve, in float64."""

    def __init__(self, width: int) -> None:
        self.moments = RunningMoments.zero(width)
        self.error = self.loss = self.aux_loss = self.l0 = 0.0
        self.batches = 0
        self.began = time.perf_counter()

    def add(
        self, y_TE: Tensor, error_TE: Tensor, loss: float, aux_loss: float, n_firings: int, process_group: ProcessGroup
    ) -> None:
        """A batch: what was to be written and the error are this process's part of it, the rest is of the whole."""
        self.moments += RunningMoments.of(y_TE)
        self.error += float(torch.linalg.vector_norm(error_TE, dtype=torch.float64)) ** 2
        self.loss += loss
        self.aux_loss += aux_loss
        self.l0 += n_firings / process_group.tokens(y_TE)
        self.batches += 1

    def row(
        self, step: int, tokens: int, dead_fraction: float, learning_rate: float, process_group: ProcessGroup
    ) -> CurvePoint:
        moments = self.moments.over(process_group)
        error = process_group.over_tokens(torch.tensor(self.error, dtype=torch.float64))
        speed = moments.n / max(time.perf_counter() - self.began, 1e-9)
        loss, l0, aux_loss = (total / self.batches for total in (self.loss, self.l0, self.aux_loss))
        fvu = float(error) / moments.variation
        return CurvePoint(step, tokens, loss, fvu, l0, aux_loss, dead_fraction, learning_rate, speed)
