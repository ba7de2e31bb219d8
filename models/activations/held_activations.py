"""Activations that are held in memory, as a trainer reads them: every token once an epoch, in an order of chance.

Axes: T tokens, D width of all sites together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import torch
from torch import Tensor

from models.numerics.hash_sampling import hash_rank

CHUNK = 8192


@dataclass(frozen=True, slots=True)
class HeldActivations:
    """Vectors of one site, or of several side by side."""

    x_TD: Tensor
    widths: tuple[int, ...]

    @property
    def n_tokens(self) -> int:
        return len(self.x_TD)

    def chunks(self) -> Iterator[Tensor]:
        """Every token once, in the order in which they are held."""
        return iter(self.x_TD.split(CHUNK))

    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
        """Batches without end, from batch number `start`: a pure function of seed and number."""
        for number in count(start):
            place_T = torch.arange(number * batch, (number + 1) * batch)
            epoch_T, within_T = place_T // self.n_tokens, place_T % self.n_tokens
            rows = [
                _order(self.n_tokens, seed, epoch)[within_T[epoch_T == epoch]] for epoch in epoch_T.unique().tolist()
            ]
            yield self.x_TD[torch.cat(rows)]


@lru_cache(maxsize=4)
def _order(n_tokens: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(n_tokens, generator=torch.Generator().manual_seed(hash_rank(f"held {epoch}", str(seed))))
