"""Weights between features that hold on every prompt, by what they bring where both features fire.

Ameisen et al. 2025, Circuit Tracing, "Global weights". The virtual weight of a source s and a target t is

    V = (what s writes to MLPs before t) · (the direction of the stream that t reads)

Most virtual weights are between features that never fire together. What a weight brings to the target where the target
fires, in proportion to how strongly, is its expected weight (target-weighted expected residual attribution):

    expected = sum over tokens of a_t V a_s scale / sum over tokens of a_t

Only the stream at one position counts: what attention carries to others is left out.

S sources, F targets, B of them in a block, T tokens, D width of the stream, M pairs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array, diags_array
from torch import Tensor

from models.attribution.graphs.read_norms import ReadNorms
from models.dictionaries.transcoder_set import TranscoderSet
from models.sparse.codes import SparseCodes

TARGETS = 1_024
"""Targets whose virtual weights are computed together."""


@dataclass(frozen=True)
class CofiringSums:
    """What is added up over tokens: activations of targets, and of pairs of a source and a target."""

    product: Mapping[tuple[int, int], csr_array]
    """Of the activations of a source and a target, times the scale of the target's norm (S, F), by their blocks."""
    count: Mapping[tuple[int, int], csr_array]
    """Tokens on which both fire (S, F)."""
    activation: Mapping[int, np.ndarray]
    """Of targets (F), by block."""
    squares: Mapping[int, np.ndarray]
    scale: Mapping[int, float]
    """Of each block's norm."""
    n_tokens: int

    @classmethod
    def of(cls, codes: Mapping[int, SparseCodes], scale: Mapping[int, Tensor]) -> "CofiringSums":
        """Of some tokens: what each block's features say of them, and the scale of its norm (T)."""
        fired_TF = {layer: _matrix(of) for layer, of in codes.items()}
        scale_T = {layer: of.double().cpu().numpy() for layer, of in scale.items()}
        pairs = [(source, target) for source in codes for target in codes if source < target]
        one_TF = {
            layer: csr_array((np.ones_like(x.data), x.indices, x.indptr), x.shape) for layer, x in fired_TF.items()
        }
        return cls(
            {(s, t): csr_array(fired_TF[s].T @ diags_array(scale_T[t]) @ fired_TF[t]) for s, t in pairs},
            {(s, t): csr_array(one_TF[s].T @ one_TF[t]) for s, t in pairs},
            {layer: np.asarray(x.sum(axis=0)).ravel() for layer, x in fired_TF.items()},
            {layer: np.asarray(x.power(2).sum(axis=0)).ravel() for layer, x in fired_TF.items()},
            {layer: float(x.sum()) for layer, x in scale_T.items()},
            len(next(iter(scale_T.values()))),
        )

    def __add__(self, other: "CofiringSums") -> "CofiringSums":
        return CofiringSums(
            {pair: of + other.product[pair] for pair, of in self.product.items()},
            {pair: of + other.count[pair] for pair, of in self.count.items()},
            {layer: of + other.activation[layer] for layer, of in self.activation.items()},
            {layer: of + other.squares[layer] for layer, of in self.squares.items()},
            {layer: of + other.scale[layer] for layer, of in self.scale.items()},
            self.n_tokens + other.n_tokens,
        )


def _matrix(codes: SparseCodes) -> csr_array:
    token_M, feature_M, activation_M = (x.cpu().numpy() for x in codes.fired())
    return csr_array(
        (activation_M.astype(np.float64), (token_M, feature_M)), shape=(len(codes.acts_TK), codes.n_features)
    )


class GlobalWeights(NamedTuple):
    """Pairs of a source and a target, one entry a pair in each column."""

    source_layer_M: np.ndarray
    source_M: np.ndarray
    target_layer_M: np.ndarray
    target_M: np.ndarray
    weight_M: np.ndarray
    """Virtual weight at the mean scale of the target's norm [the target's pre-activation per activation]."""
    expected_M: np.ndarray
    """[the target's pre-activation]"""
    share_M: np.ndarray
    """The expected weight over the target's own activation, averaged alike."""
    count_M: np.ndarray
    """Tokens on which both fire."""

    def chosen(self, kept_M: np.ndarray) -> "GlobalWeights":
        return GlobalWeights(*(column[kept_M] for column in self))

    def source_places(self) -> np.ndarray:
        """Place of each pair's source among those of its target that are here, the largest expected weight first."""
        return _places(self.target_layer_M, self.target_M, self.expected_M)

    def target_places(self) -> np.ndarray:
        """Place of each pair's target among those of its source that are here."""
        return _places(self.source_layer_M, self.source_M, self.expected_M)


def _places(layer_M: np.ndarray, feature_M: np.ndarray, expected_M: np.ndarray) -> np.ndarray:
    order = np.lexsort((np.arange(len(layer_M)), -np.abs(expected_M), feature_M, layer_M))
    keys = np.stack([layer_M, feature_M])[:, order]
    begins = np.flatnonzero(np.append(True, (keys[:, 1:] != keys[:, :-1]).any(axis=0)))[: len(order)]
    place_M = np.empty(len(order), dtype=np.int64)
    place_M[order] = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    return place_M


def global_weights(transcoders: TranscoderSet, norms: ReadNorms, sums: CofiringSums, n: int) -> GlobalWeights:
    """The n sources that bring most to each target, and the n targets to which each source brings most."""
    found = [_strongest(pairs, n) for pairs in _pairs_of_blocks(transcoders, norms, sums)]
    every = GlobalWeights(*(np.concatenate(column) for column in zip(*found, strict=True)))
    return _strongest(every, n)


def _strongest(pairs: GlobalWeights, n: int) -> GlobalWeights:
    return pairs.chosen((pairs.source_places() < n) | (pairs.target_places() < n))


def _pairs_of_blocks(transcoders: TranscoderSet, norms: ReadNorms, sums: CofiringSums) -> Iterator[GlobalWeights]:
    """Every pair that fires together, of one pair of blocks at a time."""
    for source, target in sums.product:
        product, count = (_by_target(of[source, target]) for of in (sums.product, sums.count))
        written_SD = _written_before(transcoders, source, target)
        own = np.maximum(sums.squares[target], 1e-300)
        parts, n_targets = [], transcoders.n_features(target)
        for start in range(0, n_targets, TARGETS):
            block = slice(start, min(start + TARGETS, n_targets))
            rows_BD = transcoders.encoder_rows(target, torch.arange(block.start, block.stop))
            virtual_BS = (norms.directions(target, rows_BD).to(written_SD) @ written_SD.T).double().cpu().numpy()
            both, times = product[block].tocoo(), count[block].tocoo()
            weight_M = virtual_BS[both.row, both.col]
            target_M = both.row + start
            brought_M = weight_M * both.data
            parts.append(
                GlobalWeights(
                    np.full(len(target_M), source),
                    both.col.astype(np.int64),
                    np.full(len(target_M), target),
                    target_M.astype(np.int64),
                    weight_M * sums.scale[target] / sums.n_tokens,
                    brought_M / sums.activation[target][target_M],
                    brought_M / own[target_M],
                    times.data.astype(np.int64),
                )
            )
        yield GlobalWeights(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _by_target(of_SF: csr_array) -> csr_array:
    """Rows are targets; entries of a row in order, so that two matrices of the same pairs have them alike."""
    of_FS = csr_array(of_SF.T)
    of_FS.sort_indices()
    return of_FS


def _written_before(transcoders: TranscoderSet, source: int, target: int) -> Tensor:
    """What each feature of a block writes to the stream before another block reads it (S, D)."""
    every_S = torch.arange(transcoders.n_features(source))
    between = [layer for layer in transcoders.written_layers(source) if layer < target]
    total_SD = transcoders.decoder_rows(source, every_S, between[0])
    for layer in between[1:]:
        total_SD = total_SD + transcoders.decoder_rows(source, every_S, layer)
    return total_SD
