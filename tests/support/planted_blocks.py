"""Activations of two blocks whose MLPs are known: sparse features of each block, written to it and to later ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
import torch.nn.functional
from torch import Tensor

WIDTH, N_TRUE, L0 = 32, 24, 2


@dataclass
class PlantedBlocks:
    """y^0 = a^0 W^00;  y^1 = a^0 W^01 + a^1 W^11;  x^l is the sum of a^l's directions and a little noise."""

    written: dict[tuple[int, int], Tensor]
    """W^lm by (l, m), rows of norm 1."""
    rows_TD: Tensor
    """x^0, x^1, y^0, y^1 side by side."""
    stops_before: int | None = None
    """Batch at which the process is as if killed."""

    @classmethod
    def of(cls, tokens: int, seed: int = 0) -> "PlantedBlocks":
        chance = torch.Generator().manual_seed(seed)

        def directions() -> Tensor:
            return torch.nn.functional.normalize(torch.randn(N_TRUE, WIDTH, generator=chance), dim=1)

        def activations() -> Tensor:
            fires = torch.rand(tokens, N_TRUE, generator=chance) < L0 / N_TRUE
            return fires * (0.5 + torch.rand(tokens, N_TRUE, generator=chance))

        acts = [activations(), activations()]
        read = [a @ directions() + 0.01 * torch.randn(tokens, WIDTH, generator=chance) for a in acts]
        written = {(0, 0): directions(), (0, 1): directions(), (1, 1): directions()}
        y_0, y_1 = acts[0] @ written[0, 0], acts[0] @ written[0, 1] + acts[1] @ written[1, 1]
        return cls(written, torch.cat([*read, y_0, 3 * y_1 + 1], dim=1))

    @property
    def widths(self) -> tuple[int, ...]:
        return (WIDTH,) * 4

    @property
    def n_tokens(self) -> int:
        return len(self.rows_TD)

    def chunks(self) -> Iterator[Tensor]:
        yield from self.rows_TD.split(1000)

    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
        per_epoch = self.n_tokens // batch
        last = None if self.stops_before is None else self.stops_before - start
        yield from islice(self._batches(batch, per_epoch, start), last)
        if self.stops_before is not None:
            raise KeyboardInterrupt

    def _batches(self, batch: int, per_epoch: int, start: int) -> Iterator[Tensor]:
        for number in range(start, 2**31):
            order = torch.randperm(self.n_tokens, generator=torch.Generator().manual_seed(number // per_epoch))
            first = number % per_epoch * batch
            yield self.rows_TD[order[first : first + batch]]
