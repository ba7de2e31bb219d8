"""What a dictionary says of each token: few features, each with an activation.

Axes: T tokens, K slots per token, M non-empty slots in token order.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Codes:
    """Sparse codes of T tokens: K slots a token, each a feature and its activation.

    A slot whose activation is 0 is empty: its feature is a valid index that means nothing. Activations are float32 and
    never negative; the order of slots means nothing; a feature stands at most once in a row.
    """

    acts_TK: Tensor
    features_TK: Tensor
    n_features: int

    def fired(self) -> tuple[Tensor, Tensor, Tensor]:
        """Row, feature and activation of every non-empty slot, ascending by row."""
        tokens_M, slots_M = torch.nonzero(self.acts_TK, as_tuple=True)
        return tokens_M, self.features_TK[tokens_M, slots_M], self.acts_TK[tokens_M, slots_M]
