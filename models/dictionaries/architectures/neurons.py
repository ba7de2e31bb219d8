"""Neurons as a dictionary: every entry of the site is a feature, so that neurons stand in the same tables.

Axes: T tokens, D width.
"""

import torch
from torch import Tensor

from models.dictionaries.architectures.standard import StandardSAE
from models.dictionaries.base import LossTerms, StepContext
from models.sparse.codes import SparseCodes
from models.sparse.sparse_ops import SparseEntries


class NeuronDictionary(StandardSAE):
    """Codes each activation by its own positive entries.

    codes = relu(x);  x_hat = codes, which is the ReLU autoencoder with W_enc = W_dec = 1 and no biases

    Negative entries are lost, as the negative part of a GELU is. There is nothing to learn.
    """

    architecture = "neurons"

    @classmethod
    def of(cls, width: int) -> "NeuronDictionary":
        zeros_D = torch.zeros(width)
        return cls(
            {"W_enc": torch.eye(width), "W_dec": torch.eye(width), "b_enc": zeros_D, "b_dec": zeros_D.clone()}, {}
        )

    def exported(self) -> StandardSAE:
        return self

    @torch.no_grad()
    def encode(self, x_TD: Tensor) -> SparseCodes:
        tokens_M, features_M = torch.nonzero(x_TD > 0, as_tuple=True)
        slots = SparseEntries(features_M, tokens_M, len(x_TD), self.n_features)
        return SparseCodes.of(slots, x_TD[tokens_M, features_M].float())

    def loss(self, x_TD: Tensor, y_TE: Tensor, context: StepContext) -> LossTerms:
        raise ValueError("architecture neurons has nothing to learn: its dictionary is made without training")
