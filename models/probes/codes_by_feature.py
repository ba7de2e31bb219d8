"""The codes of some tokens, latent by latent: what a probe that reads few latents is made from.

Axes: T tokens, F latents, M firings, K chosen latents, C targets.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.sparse.codes import SparseCodes


@dataclass(frozen=True)
class CodesByFeature:
    """Firings in ascending order of latent, then token: a latent's are one slice, which begins at `starts_F1`."""

    tokens_M: Tensor
    features_M: Tensor
    acts_M: Tensor
    starts_F1: Tensor
    n_tokens: int

    @classmethod
    def of(cls, codes: Sequence[SparseCodes]) -> "CodesByFeature":
        """Codes of consecutive batches; they may differ in slots per token."""
        parts, first = [], 0
        for batch in codes:
            tokens_M, features_M, acts_M = batch.fired()
            parts.append((tokens_M + first, features_M, acts_M))
            first += len(batch.acts_TK)
        tokens_M, features_M, acts_M = (torch.cat(columns) for columns in zip(*parts, strict=True))
        return cls._sorted(tokens_M, features_M, acts_M, codes[0].n_features, first)

    @classmethod
    def _sorted(
        cls, tokens_M: Tensor, features_M: Tensor, acts_M: Tensor, n_features: int, n_tokens: int
    ) -> "CodesByFeature":
        features_M, order_M = torch.sort(features_M, stable=True)
        starts_F1 = torch.searchsorted(features_M, torch.arange(n_features + 1, device=features_M.device))
        return cls(tokens_M[order_M], features_M, acts_M[order_M], starts_F1, n_tokens)

    @property
    def n_features(self) -> int:
        return len(self.starts_F1) - 1

    def at(self, tokens_N: Tensor) -> "CodesByFeature":
        """The latents of some of the tokens, counted anew in the order given; none stands there twice."""
        new_T = torch.full((self.n_tokens,), -1, device=self.tokens_M.device)
        new_T[tokens_N] = torch.arange(len(tokens_N), device=new_T.device)
        kept_M = new_T[self.tokens_M] >= 0
        tokens_M = new_T[self.tokens_M[kept_M]]
        return self._sorted(tokens_M, self.features_M[kept_M], self.acts_M[kept_M], self.n_features, len(tokens_N))

    def columns(self, features_K: Tensor) -> Tensor:
        """Activations of the chosen latents at every token, [T, K], 0 where silent."""
        acts_TK = self.acts_M.new_zeros(self.n_tokens, len(features_K))
        for column, feature in enumerate(features_K.tolist()):
            mine = slice(int(self.starts_F1[feature]), int(self.starts_F1[feature + 1]))
            acts_TK[self.tokens_M[mine], column] = self.acts_M[mine]
        return acts_TK

    def differences(self, y_TC: Tensor) -> Tensor:
        """Mean activation of each latent on the tokens of each target less that on the others, [C, F]."""
        total_F = torch.bincount(self.features_M, self.acts_M.double(), minlength=self.n_features)
        differences = []
        for y_T in y_TC.T:
            acts_M, n = self.acts_M.double() * y_T[self.tokens_M], y_T.sum().double()
            inside_F = torch.bincount(self.features_M, acts_M, minlength=self.n_features)
            differences.append(inside_F / n - (total_F - inside_F) / (self.n_tokens - n))
        return torch.stack(differences)
