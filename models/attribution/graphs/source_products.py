"""How strongly every source of a prompt acts on targets: gradients times what the sources write, block by block.

B targets, P positions, D width, M entries (a feature and a block that it writes), S sources.
"""

from collections.abc import Iterable, Iterator
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

    def rows(self, gradients: Iterable[tuple[int, Tensor]]) -> Tensor:
        """The direct effect of every source on each target (B, S).

        Args:
            gradients: Of the targets with respect to what each block writes (P, B, D), as `LinearPaths` and
                `StreamPaths` give them; positions that are left out at the end have no effect.
        """
        rows_SB = None
        for layer, gradient_PBD in gradients:
            n = len(gradient_PBD)
            if rows_SB is None:
                rows_SB = gradient_PBD.new_zeros(self.n_columns, gradient_PBD.shape[1])
            if layer == EMBEDDING:
                start = self.n_features + self.n_errors
                rows_SB[start : start + n] = _by_position(gradient_PBD, self.prompt.embed_PD[:n])
            else:
                self._add_features(rows_SB, layer, gradient_PBD)
                start, text = self.n_features + layer * self.n_text, slice(self.prompt.n_special, n)
                errors_PB = _by_position(gradient_PBD[text], self.prompt.error[layer][text])
                rows_SB[start : start + len(errors_PB)] = errors_PB
        assert rows_SB is not None, "a target has a source, its embedding"
        return rows_SB.T

    def _add_features(self, rows_SB: Tensor, layer: int, gradient_PBD: Tensor) -> None:
        written = self._written[layer]
        n_entries = int(torch.searchsorted(written.position_M, len(gradient_PBD)))
        for start in range(0, n_entries, PIECE):
            piece = slice(start, min(start + PIECE, n_entries))
            rows_MD = self._rows(layer, start, written.column_M[start : start + PIECE]).to(gradient_PBD)
            column_M, position_M = written.column_M[piece], written.position_M[piece]
            products_MB = gradient_PBD.new_empty(len(column_M), gradient_PBD.shape[1])
            for position, place in _runs(position_M):
                torch.mm(rows_MD[place], gradient_PBD[position].T, out=products_MB[place])
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


def _by_position(gradient_PBD: Tensor, written_PD: Tensor) -> Tensor:
    return (gradient_PBD @ written_PD.to(gradient_PBD)[:, :, None])[:, :, 0]


def _runs(position_M: Tensor) -> Iterator[tuple[int, slice]]:
    """Each position with the entries that stand there."""
    positions, counts = torch.unique_consecutive(position_M, return_counts=True)
    end = 0
    for position, count in zip(positions.tolist(), counts.tolist(), strict=True):
        yield position, slice(end, end + count)
        end += count
