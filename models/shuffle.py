"""Training tokens in an order that chance decides once: a pure function of seed and batch number.

Shards are read in groups that fit in memory, permuted by epoch; the tokens of a group are permuted among themselves.
A batch may straddle two groups and two epochs, so that every token is seen once per epoch. Nothing is remembered but
the batch number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from models.documents import hash_order
from models.shards import Shards

BUFFER_BYTES = 2**30


class ActivationSource(Protocol):
    """What a trainer reads from: vectors of one site, or of two beside each other, the site that is read first."""

    @property
    def width(self) -> int: ...
    @property
    def width_read(self) -> int: ...
    @property
    def n_tokens(self) -> int: ...
    def chunks(self) -> Iterator[Tensor]: ...
    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]: ...


def _chance(seed: int, epoch: int, what: object) -> torch.Generator:
    return torch.Generator().manual_seed(hash_order(f"{epoch}/{what}", str(seed)))


@dataclass(frozen=True)
class Shuffled:
    """The tokens of a harvest whose context is kept, in stored order by chunks or shuffled by batches."""

    shards: Shards
    kept_C: Tensor
    buffer_bytes: int = BUFFER_BYTES
    written: Shards | None = None
    """Of the same contexts at another site: what a transcoder writes."""

    @property
    def width_read(self) -> int:
        return self.shards.width

    @property
    def width(self) -> int:
        return self.shards.width + (self.written.width if self.written else 0)

    @cached_property
    def counts(self) -> list[int]:
        """Kept tokens of each shard."""
        return [int(self._rows(number)[0].sum()) for number in range(len(self.shards.manifest.files))]

    @property
    def n_tokens(self) -> int:
        return sum(self.counts)

    def _rows(self, number: int) -> tuple[Tensor, Tensor]:
        """Which rows of a shard are kept, and which of the site that is written: tokens that both sites hold, for an
        outlier at one site may be none at the other."""
        shard = self.shards.shard(number)
        kept_T = self.kept_C[shard.context_T]
        if self.written is None:
            return kept_T, kept_T
        other = self.written.shard(number)
        place_T, other_place_T = (some.context_T * 2**32 + some.position_T for some in (shard, other))
        return kept_T & torch.isin(place_T, other_place_T), (
            self.kept_C[other.context_T] & torch.isin(other_place_T, place_T)
        )

    def _kept(self, number: int) -> Tensor:
        kept_T, written_T = self._rows(number)
        x_TD = self.shards.shard(number).x_TD[kept_T]
        if self.written is None:
            return x_TD
        return torch.cat([x_TD, self.written.shard(number).x_TD[written_T].to(x_TD.dtype)], dim=1)

    def chunks(self) -> Iterator[Tensor]:
        """Every kept token once, shard by shard."""
        return (self._kept(number) for number in range(len(self.counts)))

    @cached_property
    def _per_group(self) -> int:
        largest = max(entry.bytes for entry in self.shards.manifest.files)
        return max(1, self.buffer_bytes // largest)

    @cached_property
    def _whole(self) -> Tensor | None:
        """All kept tokens, where they fit in the buffer: read once, not once an epoch."""
        return torch.cat(list(self.chunks())) if self._per_group >= len(self.counts) else None

    def _groups(self, seed: int, epoch: int) -> list[list[int]]:
        chance = _chance(seed, epoch, "shards")
        order = torch.randperm(len(self.counts), generator=chance).tolist()
        return [order[i : i + self._per_group] for i in range(0, len(order), self._per_group)]

    def _pieces(self, seed: int, skip: int) -> Iterator[Tensor]:
        """Permuted groups without end, the first `skip` tokens left out; groups skipped whole are not read."""
        for epoch in range(skip // self.n_tokens, 2**62):
            left = skip - epoch * self.n_tokens
            for place, group in enumerate(self._groups(seed, epoch)):
                size = sum(self.counts[number] for number in group)
                if left >= size:
                    left -= size
                    continue
                tokens = self._whole if self._whole is not None else torch.cat([self._kept(number) for number in group])
                chance = _chance(seed, epoch, place)
                order = torch.randperm(size, generator=chance)[max(left, 0) :]
                left = 0
                yield from (tokens[some] for some in order.split(2**16))

    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
        """Batches without end, beginning with batch number `start`.

        Raises:
            ValueError: If no token is kept: there is nothing to learn from.
        """
        if not self.n_tokens:
            raise ValueError(
                f"{self.shards.folder} holds no token of a training document: give the model card a larger corpus"
            )
        held: list[Tensor] = []
        n_held = 0
        for piece in self._pieces(seed, start * batch):
            held.append(piece)
            n_held += len(piece)
            if n_held < batch:
                continue
            *full, rest = torch.cat(held).split(batch)
            if len(rest) == batch:
                full, rest = [*full, rest], rest[:0]
            yield from full
            held, n_held = [rest], len(rest)
