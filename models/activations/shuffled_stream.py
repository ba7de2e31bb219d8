"""Training tokens in an order that chance decides once: a pure function of seed and batch number.

Shards are read in groups that fit in memory, permuted by epoch; the tokens of a group are permuted among themselves.
A batch may straddle two groups and two epochs, so that every token is seen once per epoch. Nothing is remembered but
the batch number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from models.activations.shards import ActivationBatch, ActivationShards
from models.numerics.hash_sampling import hash_rank

BUFFER_BYTES = 2**30


class ActivationSource(Protocol):
    """What a trainer reads from: vectors of one site, or of several beside each other."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the sites, in order: those that are read, then others that are written."""
        ...

    @property
    def n_tokens(self) -> int: ...
    def chunks(self) -> Iterator[Tensor]: ...
    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]: ...


def _chance(seed: int, epoch: int, what: object) -> torch.Generator:
    return torch.Generator().manual_seed(hash_rank(f"{epoch}/{what}", str(seed)))


@dataclass(frozen=True)
class ShuffledActivations:
    """The tokens of a harvest whose context is kept, in stored order by chunks or shuffled by batches."""

    shards: ActivationShards
    kept_C: Tensor
    buffer_bytes: int = BUFFER_BYTES
    """Of the first site's shards."""
    beside: tuple[ActivationShards, ...] = ()
    """Of the same contexts at other sites, such as the one that a transcoder writes."""

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(site.width for site in self._sites)

    @property
    def _sites(self) -> tuple[ActivationShards, ...]:
        return (self.shards, *self.beside)

    @cached_property
    def counts(self) -> list[int]:
        """Kept tokens of each shard."""
        if self._read is not None:
            return self._read[1]
        return [int(self._kept_rows(self._shards(number))[0].sum()) for number in range(self._n_shards)]

    @property
    def n_tokens(self) -> int:
        return sum(self.counts)

    @property
    def _n_shards(self) -> int:
        return len(self.shards.manifest.files)

    def _shards(self, number: int) -> list[ActivationBatch]:
        """A shard of each site, of the same contexts."""
        return [site.shard(number) for site in self._sites]

    def _kept_rows(self, shards: list[ActivationBatch]) -> list[Tensor]:
        """Which rows of each are kept: tokens that all sites hold, for an outlier at one site may be none at
        another."""
        place_of = [shard.context_T * 2**32 + shard.position_T for shard in shards]
        common_T = place_of[0]
        for place_T in place_of[1:]:
            if not torch.equal(common_T, place_T):
                common_T = common_T[torch.isin(common_T, place_T)]
        return [
            self.kept_C[shard.context_T] & (torch.isin(place_T, common_T) if len(place_T) > len(common_T) else True)
            for shard, place_T in zip(shards, place_of, strict=True)
        ]

    def _kept(self, number: int) -> Tensor:
        shards = self._shards(number)
        kept = [shard.x_TD[kept_T] for shard, kept_T in zip(shards, self._kept_rows(shards), strict=True)]
        return kept[0] if len(kept) == 1 else torch.cat([rows.to(kept[0].dtype) for rows in kept], dim=1)

    def chunks(self) -> Iterator[Tensor]:
        """Every kept token once, shard by shard."""
        if self._read is not None:
            return iter(self._read[0].split(self._read[1]))
        return (self._kept(number) for number in range(self._n_shards))

    @cached_property
    def _per_group(self) -> int:
        largest = max(entry.bytes for entry in self.shards.manifest.files)
        return max(1, self.buffer_bytes // largest)

    @cached_property
    def _read(self) -> tuple[Tensor, list[int]] | None:
        """All kept tokens and how many are of each shard, where they fit in the buffer: each shard is opened once."""
        if self._per_group < self._n_shards:
            return None
        return self._gathered(range(self._n_shards))

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
                tokens = self._tokens(group)
                chance = _chance(seed, epoch, place)
                order = torch.randperm(size, generator=chance)[max(left, 0) :]
                left = 0
                yield from (tokens[some] for some in order.split(2**16))

    def _tokens(self, group: list[int]) -> Tensor:
        """The kept tokens of some shards; of all, in stored order, where they were read at once."""
        return self._read[0] if self._read is not None else self._gathered(group)[0]

    def _gathered(self, numbers: Sequence[int]) -> tuple[Tensor, list[int]]:
        """The kept tokens of some shards, one after the other, and how many are of each: written into their place as
        they are read, so that no more than one shard is held twice."""
        most, counts, at = sum(self.shards.manifest.files[number].rows for number in numbers), list[int](), 0
        gathered = torch.empty(0)
        for number in numbers:
            part = self._kept(number)
            if not counts:
                gathered = part.new_empty((most, part.shape[1]))
            gathered[at : at + len(part)] = part
            counts.append(len(part))
            at += len(part)
        return gathered[:at], counts

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
