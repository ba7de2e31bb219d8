"""A cross-layer transcoder as a set of its blocks' slices, asked as any set of transcoders is.

Axes: T tokens, D width of what is read, E width of what is written, N chosen features, M slots.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from models.dictionaries.architectures.cross_layer_transcoder import CrossLayerSlice
from models.dictionaries.base import SparseDictionary
from models.dictionaries.transcoder_set import BlockTranscoders, PerLayerTranscoders, TranscoderSet
from models.sparse.codes import SparseCodes
from models.sparse.sparse_ops import SparseEntries


@dataclass(frozen=True)
class CrossLayerTranscoders(BlockTranscoders[CrossLayerSlice]):
    """Features of each block write it and later ones: what is written to a block is a sum over it and earlier ones."""

    def written_layers(self, layer: int) -> tuple[int, ...]:
        return (layer, *self.by_layer[layer].later_FE)

    def decoder_rows(self, layer: int, features_N: Tensor, written_layer: int) -> Tensor:
        of = self.by_layer[layer]
        return (of.W_dec.detach() if written_layer == layer else of.later_FE[written_layer])[features_N]


@torch.no_grad()
def features_written_to(transcoders: TranscoderSet, layer: int, codes: Mapping[int, SparseCodes]) -> Tensor:
    """What features of some blocks write to a block's MLP (T, E), without its bias.

    Zero where none of these blocks writes there.
    """
    [n_tokens] = {len(of.acts_TK) for of in codes.values()}
    bias_E = transcoders.bias(layer)
    total_TE = bias_E.new_zeros(n_tokens, len(bias_E))
    for of in codes:
        if layer not in transcoders.written_layers(of):
            continue
        slots, acts_M = codes[of].slots()
        fired_N, place_M = slots.features_M.unique(return_inverse=True)
        rows_NE = transcoders.decoder_rows(of, fired_N, layer)
        own = SparseEntries(place_M, slots.tokens_M, slots.n_tokens, len(fired_N))
        total_TE += own.combine(acts_M, rows_NE.to(acts_M))
    return total_TE


@torch.no_grad()
def written_to(
    transcoders: TranscoderSet, layer: int, read: Mapping[int, Tensor], codes: Mapping[int, SparseCodes]
) -> Tensor:
    """What is written to a block's MLP in all (T, E): by features, by its bias and by its linear path.

    Args:
        read: What each block reads (T, D), by block.
        codes: What that is coded as.
    """
    total_TE = features_written_to(transcoders, layer, codes) + transcoders.bias(layer)
    skip_ED = transcoders.skip(layer)
    return total_TE if skip_ED is None else total_TE + read[layer].float() @ skip_ED.T


def transcoder_set(by_layer: Mapping[int, SparseDictionary]) -> TranscoderSet:
    """The set of some transcoders, one of each block.

    Raises:
        ValueError: If one writes what it reads, or a cross-layer transcoder's slice writes a block without one.
    """
    if plain := [layer for layer, sae in by_layer.items() if not sae.crosses]:
        raise ValueError(f"the dictionary of block {plain[0]} writes what it reads: name transcoders of MLPs")
    slices = {layer: sae for layer, sae in by_layer.items() if isinstance(sae, CrossLayerSlice)}
    if not slices:
        return PerLayerTranscoders(by_layer)
    for layer, sae in slices.items():
        wanted = [later for later in sorted(by_layer) if later > layer]
        if len(slices) < len(by_layer) or list(sae.later_FE) != wanted:
            raise ValueError(
                f"the cross-layer transcoder of block {layer} writes the later blocks {list(sae.later_FE)}, and there "
                f"are {wanted}: name the whole set"
            )
    return CrossLayerTranscoders(slices)
