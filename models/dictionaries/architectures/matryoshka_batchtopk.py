"""Matryoshka BatchTopK autoencoder (Bussmann et al. 2025, arXiv:2503.17547): nested dictionaries in one.

Axes: T tokens, E width that is written, F features, M slots.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from models.dictionaries.architectures.batchtopk import BatchTopKSAE
from models.dictionaries.config import SAESettings
from models.dictionaries.loss_terms import Reconstruction, StepContext
from models.sparse.entries import Entries
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

    def reconstruction(
        self, x_TD: Tensor, y_TE: Tensor, acts_M: Tensor, entries: Entries, context: StepContext
    ) -> Reconstruction:
        """The squared error is the mean over the prefixes, the error that of the whole."""
        assert isinstance(entries, SparseEntries)
        group = context.process_group
        ends = self.ends_among(group.features(self.n_features))
        features_M = entries.features_M + self.n_features * group.first
        part_M = torch.bucketize(features_M, torch.tensor(ends, device=acts_M.device), right=True)
        error_TE = self.error(x_TD, y_TE, acts_M[:0], entries.where(part_M < 0), group)
        squared = error_TE.new_zeros(())
        for part in range(len(ends)):
            inside_M = part_M == part
            written_TE = entries.where(inside_M).combine(acts_M[inside_M], self.W_dec)
            error_TE = error_TE - group.over_features(written_TE)
            squared = squared + group.share * error_TE.square().sum() / len(ends)
        return Reconstruction(squared, error_TE, entries.firings(acts_M.detach()))
