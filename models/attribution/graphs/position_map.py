"""One linear map from a value to another, position by position, read off a recorded pass.

y_p = scale_p · x_p W: what a norm with a frozen scale and the projections around it do to every position alike.

P positions, D width that goes in, E width that comes out.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.language_model.rounding import equal_up_to_rounding

TOLERANCE = 2**12
"""Roundings, of the largest entry, by which a position may differ from a multiple of another."""


@dataclass(frozen=True, slots=True)
class PositionMap:
    """The map of a prompt."""

    weight_DE: Tensor
    scale_P: Tensor

    @classmethod
    def of(cls, y_1PE: Tensor, x_1PD: Tensor) -> "PositionMap | None":
        """The map in the graph between two values; None where there is no path, or it is no such map."""
        n, width = y_1PE.shape[1:]
        probe_E = torch.randn(width, generator=torch.Generator().manual_seed(0), dtype=y_1PE.dtype).to(y_1PE.device)
        first = _gradient(y_1PE, x_1PD, probe_E.expand(1, 1, n, -1))
        if first is None:
            return None
        answer_PD = first[0, 0]
        best = int(answer_PD.norm(dim=1).argmax())
        scale_P = answer_PD @ answer_PD[best] / answer_PD[best].square().sum()
        if not (scale_P.isfinite() & (scale_P != 0)).all():
            return None
        if not equal_up_to_rounding(answer_PD, scale_P[:, None] * answer_PD[best], TOLERANCE):
            return None
        # Each position says another row of the map: as many rows at once as there are positions.
        row_E = torch.arange(width, device=y_1PE.device)
        one_hot_R1PE = y_1PE.new_zeros(-(-width // n), 1, n, width)
        one_hot_R1PE[row_E // n, 0, row_E % n, row_E] = 1
        rows = _gradient(y_1PE, x_1PD, one_hot_R1PE)
        assert rows is not None, "there is a path"
        weight_DE = (rows[row_E // n, 0, row_E % n] / scale_P[row_E % n, None]).T.contiguous()
        is_whole = equal_up_to_rounding(weight_DE @ probe_E, answer_PD[best], TOLERANCE)
        return cls(weight_DE, scale_P) if is_whole else None


def _gradient(y_1PE: Tensor, x_1PD: Tensor, grad_R1PE: Tensor) -> Tensor | None:
    if not y_1PE.requires_grad:
        return None
    [found] = torch.autograd.grad(
        y_1PE, [x_1PD], grad_R1PE, retain_graph=True, allow_unused=True, is_grads_batched=True
    )
    return found
