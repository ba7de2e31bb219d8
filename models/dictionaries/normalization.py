"""Mean and scale of a site's activations, in one pass over them: what a dictionary learns from is centred and of known
size.

Centring removes what kills features (the mean's share of the norm predicts the dead: arXiv:2605.31518) and makes
decoder biases start where the data are. The scale makes E|x|^2 = D, so that one learning rate suits every model.

Axes: T tokens, D width.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from models.sparse.process_group import ProcessGroup

ROWS = 8192


@dataclass(frozen=True, slots=True)
class Normalization:
    """x becomes (x - mean) * scale."""

    mean_D: Tensor
    scale: float

    def apply(self, x_TD: Tensor) -> Tensor:
        return (x_TD.float() - self.mean_D) * self.scale

    def undo(self, x_TD: Tensor) -> Tensor:
        return x_TD / self.scale + self.mean_D

    def to(self, device: torch.device) -> "Normalization":
        return Normalization(self.mean_D.to(device), self.scale)


@dataclass(frozen=True, slots=True)
class RunningMoments:
    """Count, sum and sum of squared norms of vectors, in float64; a value that adds up over shards and machines."""

    n: int
    sum_D: Tensor
    squares: float

    @classmethod
    def zero(cls, width: int) -> Self:
        return cls(0, torch.zeros(width, dtype=torch.float64), 0.0)

    @classmethod
    def of(cls, x_TD: Tensor) -> Self:
        norm = torch.linalg.vector_norm(x_TD, dtype=torch.float64)
        return cls(len(x_TD), x_TD.sum(0, dtype=torch.float64).cpu(), float(norm) ** 2)

    def __add__(self, other: "RunningMoments") -> "RunningMoments":
        return RunningMoments(self.n + other.n, self.sum_D + other.sum_D, self.squares + other.squares)

    def over(self, process_group: ProcessGroup) -> "RunningMoments":
        """The moments of the whole batches of which the processes hold parts."""
        n_and_squares = process_group.over_tokens(torch.tensor([float(self.n), self.squares], dtype=torch.float64))
        return RunningMoments(int(n_and_squares[0]), process_group.over_tokens(self.sum_D), float(n_and_squares[1]))

    @property
    def variation(self) -> float:
        """Sum of squared distances from the mean: sum |x|^2 - |sum x|^2 / n."""
        return self.squares - float(self.sum_D.square().sum()) / max(self.n, 1)

    def scaling(self) -> Normalization:
        """The scaling that gives these vectors mean 0 and mean squared norm D.

        Raises:
            ValueError: If there is no vector, one is not finite, or all are equal: nothing can be learned from them.
        """
        width = len(self.sum_D)
        if self.n == 0:
            raise ValueError("the activations hold no training token: give the model card a larger corpus")
        mean_D = self.sum_D / self.n
        variance = self.variation / self.n
        if not variance < float("inf"):
            raise ValueError(
                f"among {self.n:,} activations of width {width} is NaN or Inf: harvest again in a wider dtype"
            )
        if variance <= 1e-12 * max(self.squares / self.n, torch.finfo(torch.float64).tiny):
            raise ValueError(f"all {self.n:,} activations of width {width} are equal: check the site and the corpus")
        return Normalization(mean_D.float(), (width / variance) ** 0.5)


def fit_normalization(chunks: Iterable[Tensor], *widths: int) -> list[Normalization]:
    """Scaling of all vectors of a stream, each seen once; of several sites beside each other, one for each width.

    Raises:
        ValueError: If a chunk has another width, or as `RunningMoments.scaling`.
    """
    totals = [RunningMoments.zero(width) for width in widths]
    for chunk_TD in chunks:
        if chunk_TD.shape[1] != sum(widths):
            raise ValueError(
                f"activations of width {chunk_TD.shape[1]} came where {sum(widths)} was wanted: harvest the site again"
            )
        for part_TD in chunk_TD.split(ROWS):
            totals = [
                total + RunningMoments.of(x) for total, x in zip(totals, part_TD.split(widths, dim=1), strict=True)
            ]
    return [total.scaling() for total in totals]
