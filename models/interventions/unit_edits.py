"""Edits that set how active one unit of a map is, at every place, and leave all else as it is.

N images, C width of the site, H and W places.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

UnitEditKind = Literal["clamp", "min_clamp", "add", "scale", "ablate"]


@dataclass(frozen=True, slots=True)
class UnitEdit:
    """x' = x + (f' − f) · direction, f the unit's activation at each place.

    `clamp` f' = value; `min_clamp` f' = max(f, value); `add` f' = f + value; `scale` f' = value · f; `ablate` f' = 0.
    """

    activation: Callable[[Tensor], Tensor]
    """Of the unit at each place of a map, (N, C, H, W) to (N, H, W)."""
    direction_C: Tensor
    kind: UnitEditKind
    value: float = 0.0

    def __call__(self, map_NCHW: Tensor) -> Tensor:
        f_NHW = self.activation(map_NCHW)
        change_NHW = self._wanted(f_NHW) - f_NHW
        return map_NCHW + change_NHW[:, None] * self.direction_C.to(map_NCHW)[:, None, None]

    def _wanted(self, f_NHW: Tensor) -> Tensor:
        if self.kind == "clamp":
            return f_NHW.new_full(f_NHW.shape, self.value)
        if self.kind == "min_clamp":
            return f_NHW.clamp_min(self.value)
        if self.kind == "add":
            return f_NHW + self.value
        return f_NHW * (self.value if self.kind == "scale" else 0.0)
