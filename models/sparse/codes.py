"""What a dictionary says of each token: few features, each with an activation.

Axes: T tokens, K slots per token, M non-empty slots in token order.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.sparse.sparse_ops import SparseEntries


@dataclass(frozen=True, slots=True)
class SparseCodes:
    """Sparse codes of T tokens: K slots a token, each a feature and its activation.

    A slot whose activation is 0 is empty: its feature is a valid index that means nothing. Activations are float32 and
    never negative; the order of slots means nothing; a feature stands at most once in a row.
    """

    acts_TK: Tensor
    features_TK: Tensor
    n_features: int

    @classmethod
    def of(cls, slots: SparseEntries, acts_M: Tensor) -> "SparseCodes":
        """As many slots a token as the fullest token needs; what is not positive is left out."""
        kept_M = acts_M > 0
        slots, acts_M = slots.where(kept_M), acts_M[kept_M]
        place_M = torch.arange(len(acts_M), device=acts_M.device) - slots.offsets_T[slots.tokens_M]
        width = int(place_M.max()) + 1 if len(place_M) else 1
        acts_TK = acts_M.new_zeros(slots.n_tokens, width)
        features_TK = slots.features_M.new_zeros(slots.n_tokens, width)
        acts_TK[slots.tokens_M, place_M] = acts_M
        features_TK[slots.tokens_M, place_M] = slots.features_M
        return cls(acts_TK, features_TK, slots.n_features)

    def fired(self) -> tuple[Tensor, Tensor, Tensor]:
        """Row, feature and activation of every non-empty slot, ascending by row."""
        tokens_M, slots_M = torch.nonzero(self.acts_TK, as_tuple=True)
        return tokens_M, self.features_TK[tokens_M, slots_M], self.acts_TK[tokens_M, slots_M]

    def dense(self) -> Tensor:
        """Activations of all features (T, F), zero where nothing fires."""
        tokens_M, features_M, acts_M = self.fired()
        dense_TF = self.acts_TK.new_zeros(len(self.acts_TK), self.n_features)
        dense_TF[tokens_M, features_M] = acts_M
        return dense_TF

    def slots(self) -> tuple[SparseEntries, Tensor]:
        """The non-empty slots and their activations."""
        tokens_M, features_M, acts_M = self.fired()
        return SparseEntries(features_M, tokens_M, len(self.acts_TK), self.n_features), acts_M
