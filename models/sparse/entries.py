"""What a loss asks of the places at which features may fire, whether they are kept as slots or as a whole matrix.

Axes: T tokens, D width, F features, M places: those of `SparseEntries`, or [T, F] of `DenseEntries`.
"""

from typing import Protocol

from torch import Tensor


class Entries(Protocol):
    """Places of (token, feature) pairs and the arithmetic on numbers that stand there."""

    def each(self, level_F: Tensor, /) -> Tensor:
        """A number of each feature, at each of its places."""
        ...

    def firings(self, acts_M: Tensor, /) -> Tensor:
        """On how many tokens each feature is active."""
        ...

    def combine(self, weights_M: Tensor, rows_FD: Tensor, /) -> Tensor:
        """For each token the sum of its places' rows times their weights, [T, D]."""
        ...

    def products(
        self, x_TD: Tensor, centre_D: Tensor, rows_FD: Tensor, bias_F: Tensor, known_M: Tensor | None = None, /
    ) -> Tensor:
        """At each place the entry of `(x - centre) @ rows.T + bias` that belongs to its token and feature."""
        ...
