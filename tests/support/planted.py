"""Activations whose features are known: sums of few of many unit vectors; and a source that trainers read them from.

The recipe is that of the peers' measurements: true feature i is active with probability ~ (i + 1)^-1/2, coefficients
are uniform in (0.5, 1.5), a constant offset of norm 2 is added, and all is scaled to E|x|^2 = D.

Axes: T tokens, D width, F true features.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.sparse.codes import SparseCodes


def planted(n_tokens: int, width: int = 128, n_true: int = 512, l0: float = 16, seed: int = 0) -> tuple[Tensor, Tensor]:
    """True directions [F, D] and activations [T, D]."""
    chance = np.random.Generator(np.random.PCG64(seed))
    directions_FD = chance.standard_normal((n_true, width)).astype(np.float32)
    directions_FD /= np.linalg.norm(directions_FD, axis=1, keepdims=True)
    often_F = (np.arange(n_true) + 1.0) ** -0.5
    often_F = np.minimum(often_F * l0 / often_F.sum(), 1)
    offset_D = chance.standard_normal(width)
    offset_D *= 2 / np.linalg.norm(offset_D)
    parts = []
    for begin in range(0, n_tokens, 8192):
        n = min(8192, n_tokens - begin)
        codes_TF = (chance.random((n, n_true)) < often_F) * chance.uniform(0.5, 1.5, (n, n_true))
        parts.append((codes_TF @ directions_FD + offset_D).astype(np.float32))
    x_TD = np.concatenate(parts)
    x_TD *= np.sqrt(width / (x_TD**2).sum(1).mean())
    return torch.from_numpy(directions_FD), torch.from_numpy(x_TD)


def recovery(directions_FD: Tensor, W_dec: Tensor) -> Tensor:
    """For each true direction its best cosine with a learned one."""
    return (directions_FD @ torch.nn.functional.normalize(W_dec, dim=1).T).amax(1)


def silent_fraction(codes: SparseCodes) -> float:
    counts_F = torch.bincount(codes.features_TK[codes.acts_TK > 0], minlength=codes.n_features)
    return float((counts_F == 0).double().mean())


def fvu(x_TD: Tensor, guess_TD: Tensor) -> float:
    """Squared error over the spread, in float64."""
    x_TD, guess_TD = x_TD.double(), guess_TD.double()
    return float((x_TD - guess_TD).square().sum() / (x_TD - x_TD.mean(0)).square().sum())


@dataclass
class Pool:
    """Tokens in memory, permuted anew each epoch; batches do not straddle epochs."""

    x_TD: Tensor

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.x_TD.shape[1],)

    @property
    def n_tokens(self) -> int:
        return len(self.x_TD)

    def chunks(self) -> Iterator[Tensor]:
        yield from self.x_TD.split(1000)

    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
        per_epoch = self.n_tokens // batch
        for epoch in range(start // per_epoch, 2**31):
            order = torch.randperm(self.n_tokens, generator=torch.Generator().manual_seed(seed + 1000 * epoch))
            for number in range(max(start - epoch * per_epoch, 0), per_epoch):
                yield self.x_TD[order[number * batch : (number + 1) * batch]]
