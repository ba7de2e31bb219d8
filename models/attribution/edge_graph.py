"""The edges of a model: what one part writes into the stream, as another part reads it there (Syed et al. 2023).

Embeddings, every head and every MLP write; the query, key and value of every head, every MLP and the output read. Heads
that share keys and values read those once, so a key or a value is numbered by its group.

U sources, V targets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from models.attribution.head_outputs import head_counts
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

SourceKind = Literal["embed", "head", "mlp"]
TargetKind = Literal["q", "k", "v", "mlp", "logits"]
READ_BY_HEADS: tuple[TargetKind, ...] = ("q", "k", "v")


@dataclass(frozen=True, slots=True)
class EdgeSource:
    """A part that writes."""

    kind: SourceKind
    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True, slots=True)
class EdgeTarget:
    """A part that reads."""

    kind: TargetKind
    layer: int | None = None
    head: int | None = None
    """Of k and v the number of the group that shares them."""


@dataclass(frozen=True)
class EdgeGraph:
    """All edges of one model, sources and targets in the order of a pass."""

    n_heads: Sequence[int]
    """Of every block."""
    n_groups: Sequence[int]
    """Of every block: heads' keys, or values, that there are."""
    is_parallel: bool
    """Whether a block's MLP reads what its attention reads, and not what that adds."""

    @classmethod
    def of(cls, host: HookedModel) -> "EdgeGraph":
        """The edges of a model.

        Raises:
            ValueError: If its attention cannot be read.
        """
        widths = [(host.width(Site("z", layer)), host.width(Site("k", layer))) for layer in range(host.n_layers)]
        n_heads = head_counts(host)
        n_groups = [n * k // z for n, (z, k) in zip(n_heads, widths, strict=True)]
        return cls(n_heads, n_groups, is_parallel="resid_mid" not in host.module_map.kinds)

    @cached_property
    def sources(self) -> list[EdgeSource]:
        found = [EdgeSource("embed")]
        for layer, n in enumerate(self.n_heads):
            found += [*(EdgeSource("head", layer, head) for head in range(n)), EdgeSource("mlp", layer)]
        return found

    @cached_property
    def targets(self) -> list[EdgeTarget]:
        found: list[EdgeTarget] = []
        for layer in range(len(self.n_heads)):
            for kind in READ_BY_HEADS:
                found += [EdgeTarget(kind, layer, head) for head in range(self._readers(kind, layer))]
            found.append(EdgeTarget("mlp", layer))
        return [*found, EdgeTarget("logits")]

    def _readers(self, kind: TargetKind, layer: int) -> int:
        return self.n_heads[layer] if kind == "q" else self.n_groups[layer]

    def n_attention(self, layer: int) -> int:
        """Targets of a block's heads."""
        return sum(self._readers(kind, layer) for kind in READ_BY_HEADS)

    @property
    def n_readers(self) -> int:
        """Most targets of one block: rows of the model's batch that one circuit takes."""
        return 1 + max(self.n_attention(layer) for layer in range(len(self.n_heads)))

    def first_target(self, layer: int) -> int:
        """Number of the first target of a block; of the output for the number of blocks."""
        return sum(self.n_attention(each) + 1 for each in range(layer))

    def n_before(self, target: EdgeTarget) -> int:
        """Sources that a target reads: the first so many."""
        layer = len(self.n_heads) if target.layer is None else target.layer
        n = 1 + sum(heads + 1 for heads in self.n_heads[:layer])
        reads_attention = target.kind == "mlp" and not self.is_parallel
        return n + (self.n_heads[layer] if reads_attention else 0)

    @cached_property
    def edges_VU(self) -> Tensor:
        """Which pairs of target and source are edges."""
        before_V = torch.tensor([self.n_before(target) for target in self.targets])
        return torch.arange(len(self.sources)) < before_V[:, None]
