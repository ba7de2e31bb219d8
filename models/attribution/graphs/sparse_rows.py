"""Rows of a graph as they are computed: of each the largest entries, and the sum of all."""

from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor


@dataclass
class SparseRows:
    """Direct effects on targets, one row each, in the order in which they come."""

    n_columns: int
    per_row: int
    """Entries that are kept of a row, the largest by size."""
    targets: list[int] = field(default_factory=list)
    """Which node each row belongs to."""
    _columns: list[np.ndarray] = field(default_factory=list)
    _values: list[np.ndarray] = field(default_factory=list)
    _sums: list[np.ndarray] = field(default_factory=list)

    def add(self, targets: list[int], rows_BS: Tensor) -> None:
        """Takes the rows of some targets."""
        k = min(self.per_row, self.n_columns)
        top_BK = rows_BS.abs().topk(k, dim=1, sorted=False).indices
        self.targets += targets
        self._columns += [*top_BK.to(torch.int32).cpu().numpy()]
        self._values += [*rows_BS.gather(1, top_BK).cpu().numpy()]
        self._sums.append(rows_BS.abs().sum(dim=1, dtype=torch.float64).cpu().numpy())

    def matrix(self) -> csr_array:
        """Rows (targets, columns), zeros left out."""
        offsets = np.concatenate([[0], np.cumsum([len(each) for each in self._columns])])
        values, columns = np.concatenate(self._values), np.concatenate(self._columns)
        matrix = csr_array((values, columns, offsets), shape=(len(self.targets), self.n_columns))
        matrix.sort_indices()
        matrix.eliminate_zeros()
        return matrix

    def sums(self) -> np.ndarray:
        """Of each row the sum of the sizes of all entries, those that were not kept included."""
        return np.concatenate(self._sums)
