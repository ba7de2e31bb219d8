"""Where the values of a site stand in an image: leading tokens (CLS, registers), then a grid of rows and columns.

P positions of a site: the leading tokens first, then the grid row by row.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Kind = Literal["cls", "register", "patch"]
KINDS: tuple[Kind, ...] = ("cls", "register", "patch")


@dataclass(frozen=True, slots=True)
class TokenGrid:
    """The positions of one site: patches of a transformer, or positions of a convolutional map, which has no leading
    tokens."""

    n_cls: int
    n_registers: int
    rows: int
    cols: int

    @property
    def n_leading(self) -> int:
        return self.n_cls + self.n_registers

    @property
    def n_patches(self) -> int:
        return self.rows * self.cols

    @property
    def n_positions(self) -> int:
        return self.n_leading + self.n_patches

    def kind(self, position: int) -> Kind:
        """What stands at a position."""
        if not 0 <= position < self.n_positions:
            raise ValueError(
                f"position {position} was asked for, and the grid has positions 0 to {self.n_positions - 1}"
            )
        return "cls" if position < self.n_cls else "register" if position < self.n_leading else "patch"

    def kind_ids(self) -> np.ndarray:
        """For each position the place of its kind in `KINDS`. Shape (P,)."""
        return np.repeat(np.arange(len(KINDS)), (self.n_cls, self.n_registers, self.n_patches))

    def place(self, position: int) -> tuple[int, int] | None:
        """Row and column of a patch; None for a leading token."""
        patch = position - self.n_leading
        return divmod(patch, self.cols) if patch >= 0 else None

    def position(self, row: int, col: int) -> int:
        """The position of a patch."""
        return self.n_leading + row * self.cols + col

    def facts(self) -> dict[str, int]:
        """As a manifest records it; `of_facts` reads it back."""
        return {"n_cls": self.n_cls, "n_registers": self.n_registers, "rows": self.rows, "cols": self.cols}

    @classmethod
    def of_facts(cls, facts: dict[str, Any]) -> "TokenGrid":
        return cls(*(int(facts[name]) for name in ("n_cls", "n_registers", "rows", "cols")))
