"""Transcoders that take the place of a model's MLPs, asked the same whether each writes one block or several.

Axes: T tokens, D width of what is read, E width of what is written, F features of a block, N chosen features.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from torch import Tensor

from models.dictionaries.base import SparseDictionary
from models.sparse.codes import SparseCodes


class TranscoderSet(Protocol):
    """One encoder a block, and what its features write to that block's MLP and to later ones.

    codes^l = encode(l, x^l);  y_hat^m = sum over l <= m of codes^l @ decoder(l, m) + bias(m) (+ x^m @ skip(m).T)
    """

    @property
    def layers(self) -> tuple[int, ...]:
        """Blocks that are read and written, ascending."""
        ...

    def n_features(self, layer: int) -> int: ...

    def encode(self, layer: int, x_TD: Tensor) -> SparseCodes: ...

    def encoder_rows(self, layer: int, features_N: Tensor) -> Tensor:
        """Directions (N, D) whose product with what is read, and a bias, is a feature's pre-activation."""
        ...

    def written_layers(self, layer: int) -> tuple[int, ...]:
        """Blocks to which the features of a block write: itself alone, or itself and later ones."""
        ...

    def decoder_rows(self, layer: int, features_N: Tensor, written_layer: int) -> Tensor:
        """What features of a block write (N, E) to the MLP's output of another, for an activation of 1."""
        ...

    def bias(self, layer: int) -> Tensor:
        """What is written (E) to a block where no feature fires."""
        ...

    def skip(self, layer: int) -> Tensor | None:
        """Linear path (E, D) from what a block reads to what is written there, if there is one."""
        ...


Sae = TypeVar("Sae", bound=SparseDictionary)


@dataclass(frozen=True)
class BlockTranscoders(Generic[Sae]):
    """One dictionary a block: how a block is read, whatever its features write."""

    by_layer: Mapping[int, Sae]

    @property
    def layers(self) -> tuple[int, ...]:
        return tuple(sorted(self.by_layer))

    def n_features(self, layer: int) -> int:
        return self.by_layer[layer].n_features

    def encode(self, layer: int, x_TD: Tensor) -> SparseCodes:
        return self.by_layer[layer].encode(x_TD)

    def encoder_rows(self, layer: int, features_N: Tensor) -> Tensor:
        return self.by_layer[layer].encoder_FD.detach()[features_N]

    def bias(self, layer: int) -> Tensor:
        return self.by_layer[layer].b_dec.detach()

    def skip(self, layer: int) -> Tensor | None:
        found = self.by_layer[layer].W_skip
        return None if found is None else found.detach()


@dataclass(frozen=True)
class PerLayerTranscoders(BlockTranscoders[SparseDictionary]):
    """A transcoder for each block, which writes that block alone (Dunefsky et al. 2024, arXiv:2406.11944)."""

    def written_layers(self, layer: int) -> tuple[int, ...]:
        return (layer,)

    def decoder_rows(self, layer: int, features_N: Tensor, written_layer: int) -> Tensor:
        assert written_layer == layer, f"a transcoder of block {layer} writes that block alone, not {written_layer}"
        return self.by_layer[layer].W_dec.detach()[features_N]
