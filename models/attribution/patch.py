"""A place whose value is replaced by that of another run. P positions, E width of a site, H heads, K key positions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from models.language_model.sites import Site

BY_HEAD = ("z", "attn_pattern")
"""Kinds of site that are patched head by head, at all positions; all others position by position."""
WINDOWED = ("attn_out", "mlp_out")
"""Kinds of site that are patched in several blocks at once where a window is asked for."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One place: a kind of site in a block or some, at one position or all, or of one head at all positions."""

    kind: str
    layer: int
    """The block, or the middle of the window."""
    position: int | None = None
    head: int | None = None
    window: int = 1
    """Blocks that are patched together."""

    @property
    def number(self) -> int | None:
        """Which of its site's heads, or of its positions, it is; None for all."""
        return self.position if self.head is None else self.head

    def sites(self, n_layers: int) -> list[Site]:
        """The sites of the window that the model has, as causal tracing places it (Meng et al. 2022)."""
        low = self.layer - self.window // 2
        return [Site(self.kind, layer) for layer in range(max(0, low), min(n_layers, low + self.window))]

    def place(self, value: Tensor, n_heads: int) -> Tensor:
        """The part that is replaced, a view of one row's value: (P, E), of attn_pattern (H, P, K)."""
        where, heads = (slice(None) if each is None else each for each in (self.position, self.head))
        if self.kind == "attn_pattern":
            return value[heads][..., where, :]
        if self.head is None:
            return value[where]
        return value.unflatten(-1, (n_heads, -1))[where, self.head]


def patch_grid(
    kinds: Sequence[str], n_layers: int, n_heads: Sequence[int], n_positions: int, window: int = 1
) -> Iterator[Patch]:
    """Every block and position of some kinds of site, and of those that are patched by head every block and head."""
    for kind in kinds:
        for layer in range(n_layers):
            if kind in BY_HEAD:
                yield from (Patch(kind, layer, head=head) for head in range(n_heads[layer]))
            else:
                wide = window if kind in WINDOWED else 1
                yield from (Patch(kind, layer, position, window=wide) for position in range(n_positions))
