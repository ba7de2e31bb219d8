"""Matryoshka BatchTopK autoencoder (Bussmann et al. 2025, arXiv:2503.17547): nested dictionaries in one.

Axes: T tokens, E width that is written, F features, M slots.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from models.dictionaries.architectures.batchtopk import BatchTopKSAE
from models.dictionaries.base import LossTerms, StepContext
from models.dictionaries.config import SAESettings
from models.sparse.dense_ops import DenseEntries
from models.sparse.process_group import ProcessGroup
from models.sparse.sparse_ops import SparseEntries


class MatryoshkaBatchTopKSAE(BatchTopKSAE):
    """Codes as BatchTopK does, and learns that every prefix of the features reconstructs alone.

    loss = mean over g of |x - codes[:, :m_g] @ W_dec[:m_g] - b_dec|^2 / |x - mean x|^2 + aux / 32,  m_1 < … < m_G = F

    The prefixes' reconstructions are the running sum of the groups': one pass through the decoder, not G.
    """

    architecture = "matryoshka_batchtopk"

    def __init__(self, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
        super().__init__(tensors, config)
        self.ends = self.ends_among(self.n_features)

    @classmethod
    def asked(cls, settings: SAESettings) -> dict[str, Any]:
        return super().asked(settings) | {"matryoshka_fractions": list(settings.matryoshka_fractions)}

    def ends_among(self, n_features: int) -> list[int]:
        """Where each group ends, of so many features."""
        ends = itertools.accumulate(self.config["matryoshka_fractions"])
        return [*sorted({min(n_features, max(1, round(end * n_features))) for end in ends})[:-1], n_features]

    def cost(
        self,
        x_TD: Tensor,
        y_TE: Tensor,
        acts_M: Tensor,
        places: SparseEntries | DenseEntries,
        moment: StepContext,
        ensemble: ProcessGroup,
        penalty: Tensor | float = 0.0,
    ) -> LossTerms:
        assert isinstance(places, SparseEntries)
        ends = self.ends_among(ensemble.features(self.n_features))
        features_M = places.features_M + self.n_features * ensemble.first
        group_M = torch.bucketize(features_M, torch.tensor(ends, device=acts_M.device), right=True)
        error_TE = self.error(x_TD, y_TE, acts_M[:0], places.where(group_M < 0), ensemble)
        squared = error_TE.new_zeros(())
        for group in range(len(ends)):
            inside_M = group_M == group
            written_TE = places.where(inside_M).combine(acts_M[inside_M], self.W_dec)
            error_TE = error_TE - ensemble.over_features(written_TE)
            squared = squared + ensemble.share * error_TE.square().sum() / len(ends)
        firings_F = places.firings(acts_M.detach())
        return self.outcome(squared, error_TE, x_TD, y_TE, firings_F, moment, ensemble, penalty)
