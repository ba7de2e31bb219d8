"""How strongly every source of a prompt acts on targets: gradients times what the sources write, block by block.

B targets, P positions, D width, M entries (a feature and a block that it writes), S sources.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.attribution.graphs.linear_paths import EMBEDDING
from models.attribution.graphs.transcoded_prompt import TranscodedPrompt

PIECE = 4_096
"""Entries whose decoder rows are gathered together."""


@dataclass(frozen=True)
class _Written:
    """Features that write one block, ordered by position."""

    column_M: Tensor
    position_M: Tensor


@dataclass
class SourceProducts:
    """Sources in the order of columns: active features, errors by block and position, tokens by position."""

    prompt: TranscodedPrompt
    cache_bytes: int
    """Decoder rows that are kept between calls; others are gathered again each time."""
    _written: dict[int, _Written] = field(init=False)
    _kept: dict[tuple[int, int], Tensor] = field(default_factory=dict, init=False)
    _kept_bytes: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._written = {layer: self._features_of(layer) for layer in self.prompt.written}

    @property
    def n_features(self) -> int:
        return len(self.prompt.active)

    @property
    def n_text(self) -> int:
        """Positions that transcoders read, each with an error in every block."""
        return len(self.prompt.token_ids) - self.prompt.n_special

    @property
    def n_errors(self) -> int:
        return len(self.prompt.error) * self.n_text

    @property
    def n_columns(self) -> int:
        return self.n_features + self.n_errors + len(self.prompt.token_ids)

    def rows(self, gradients: Mapping[int, Tensor]) -> Tensor:
        """The direct effect of every source on each target (B, S).

        Args:
            gradients: Of the targets with respect to what each block writes (B, P, D), as `LinearPaths` gives them.
        """
        like = next(iter(gradients.values()))
        rows_SB = like.new_zeros(self.n_columns, len(like))
        for layer, gradient_BPD in gradients.items():
            if layer == EMBEDDING:
                tokens_PB = torch.einsum("bpd,pd->pb", gradient_BPD, self.prompt.embed_PD.to(like))
                rows_SB[self.n_features + self.n_errors :] = tokens_PB
            else:
                self._add_features(rows_SB, layer, gradient_BPD)
                start, text = self.n_features + layer * self.n_text, slice(self.prompt.n_special, None)
                error_PD = self.prompt.error[layer].to(like)
                rows_SB[start : start + self.n_text] = torch.einsum("bpd,pd->pb", gradient_BPD[:, text], error_PD[text])
        return rows_SB.T

    def _add_features(self, rows_SB: Tensor, layer: int, gradient_BPD: Tensor) -> None:
        written = self._written[layer]
        for start in range(0, len(written.column_M), PIECE):
            piece = slice(start, start + PIECE)
            column_M, position_M = written.column_M[piece], written.position_M[piece]
            rows_MD = self._rows(layer, start, column_M).to(gradient_BPD)
            products_MB = gradient_BPD.new_empty(len(column_M), len(gradient_BPD))
            for position, place in _runs(position_M):
                torch.mm(rows_MD[place], gradient_BPD[:, position].T, out=products_MB[place])
            rows_SB.index_add_(0, column_M.to(rows_SB.device), products_MB)

    def _rows(self, layer: int, start: int, column_M: Tensor) -> Tensor:
        """What the features write to the block, each for its activation (M, D)."""
        if (layer, start) in self._kept:
            return self._kept[layer, start]
        active, transcoders = self.prompt.active, self.prompt.model.transcoders
        like = self.prompt.written[layer]
        rows_MD = like.new_empty(len(column_M), like.shape[1])
        for source in active.layer_N[column_M].unique().tolist():
            own = torch.nonzero(active.layer_N[column_M] == source)[:, 0]
            features = active.feature_N[column_M[own]].to(like.device)
            rows_MD[own.to(like.device)] = transcoders.decoder_rows(source, features, layer).to(like)
        rows_MD *= active.activation_N[column_M].to(like)[:, None]
        size = rows_MD.numel() * rows_MD.element_size()
        if self._kept_bytes + size <= self.cache_bytes:
            self._kept[layer, start] = rows_MD
            self._kept_bytes += size
        return rows_MD

    def _features_of(self, layer: int) -> _Written:
        active, transcoders = self.prompt.active, self.prompt.model.transcoders
        places = [
            torch.arange(active.of_layer(source).start, active.of_layer(source).stop)
            for source in transcoders.layers
            if layer in transcoders.written_layers(source)
        ]
        column_M = torch.cat(places) if places else torch.zeros(0, dtype=torch.long)
        column_M = column_M[torch.argsort(active.position_N[column_M], stable=True)]
        return _Written(column_M, active.position_N[column_M])


def _runs(position_M: Tensor) -> Iterator[tuple[int, slice]]:
    """Each position with the entries that stand there."""
    positions, counts = torch.unique_consecutive(position_M, return_counts=True)
    end = 0
    for position, count in zip(positions.tolist(), counts.tolist(), strict=True):
        yield position, slice(end, end + count)
        end += count
