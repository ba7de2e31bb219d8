"""What features of earlier blocks write to a block's MLP, beside that block's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.dictionaries.cross_layer_set import features_written_to
from models.dictionaries.transcoder_set import TranscoderSet
from models.language_model.sites import Site


@dataclass(frozen=True, slots=True)
class EarlierBlocks:
    """Of a cross-layer transcoder; T tokens, D width that is read, E width that is written."""

    sites: tuple[Site, ...]
    """Where they read."""
    written: Callable[[Sequence[Tensor]], Tensor]
    """What they write (T, E), of what each of them reads (T, D)."""

    @classmethod
    def of(cls, transcoders: TranscoderSet, layer: int, kind: str) -> "EarlierBlocks | None":
        """Of the set that a block's transcoder belongs to, which reads sites of a kind; None where it writes alone."""
        layers = [of for of in transcoders.layers if of < layer and layer in transcoders.written_layers(of)]
        if not layers:
            return None

        @torch.no_grad()
        def written(read: Sequence[Tensor]) -> Tensor:
            codes = {of: transcoders.encode(of, x_TD) for of, x_TD in zip(layers, read, strict=True)}
            return features_written_to(transcoders, layer, codes)

        return cls(tuple(Site(kind, of) for of in layers), written)
