"""The processes among which the work is divided, and what a loss must know of the tokens and features of others.

A process holds a part of each batch's tokens, or a part of the features; the rest it has in common with the others.
What all minimise is the sum of their losses. Here stands the process that is alone: it asks nobody. Others derive from
it, in models/training/distributed: `data_parallel` divides tokens, `feature_parallel` divides features.

Axes: T tokens of this process, D any width, E width, F features of this process, K candidates per token, M values of
this process.
"""

from torch import Tensor

from models.sparse.sparse_ops import SparseEntries


class ProcessGroup:
    """Single process: every collective is the identity. It has all tokens and all features."""

    rank = 0
    size = 1
    token_parts = 1
    """Into how many equal parts a batch is divided."""
    feature_parts = 1
    """Into how many equal parts a dictionary is divided: rows of neighbours, in order of rank."""

    def sum(self, value: Tensor) -> Tensor:
        """The sum over the processes; no gradient flows."""
        return value

    def gathered(self, values_M: Tensor) -> Tensor:
        """The values of all processes, in order of rank."""
        return values_M

    # Tokens

    def part(self, rows_TD: Tensor) -> Tensor:
        """The tokens of a batch that this process learns from."""
        return rows_TD

    def over_tokens(self, value: Tensor) -> Tensor:
        """The sum over the parts of the batch; no gradient flows."""
        return value

    def tokens(self, x_TE: Tensor) -> int:
        """Tokens of the whole batch."""
        return len(x_TE) * self.token_parts

    def spread(self, x_TE: Tensor) -> Tensor:
        """Sum of squared distances from the whole batch's mean: the error of what knows only the mean."""
        mean_E = self.over_tokens(x_TE.detach().sum(0)) / self.tokens(x_TE)
        return self.over_tokens((x_TE.detach() - mean_E).square().sum())

    # Features

    def over_features(self, value: Tensor) -> Tensor:
        """The sum over the parts of the dictionary. Gradients flow, and are right where all processes do the same with
        the sum."""
        return value

    def features(self, n_own: int) -> int:
        """Features of the whole dictionary, of which the process has so many."""
        return n_own * self.feature_parts

    @property
    def share(self) -> float:
        """Of what all features together cost, the share that this process puts into its loss."""
        return 1 / self.feature_parts

    @property
    def first(self) -> int:
        """Index of this process's feature shard."""
        return 0

    def strongest(self, slots: SparseEntries, values_TK: Tensor, k: int) -> tuple[SparseEntries, Tensor]:
        """Of each token's candidates those that are among its k largest anywhere, and their values; the process's own
        are its k largest, or all that it has."""
        return slots, values_TK.flatten()

    def mine(self, rows_FD: Tensor) -> Tensor:
        """Of a tensor with a row for each feature the rows of this process."""
        return rows_FD

    def whole(self, rows_FD: Tensor) -> Tensor:
        """The rows of all processes, in the first process; the others keep theirs."""
        return rows_FD


SINGLE_PROCESS = ProcessGroup()
