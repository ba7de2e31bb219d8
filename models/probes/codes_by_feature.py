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
        return cls.of_entries(tokens_M, features_M, acts_M, codes[0].n_features, first)

    @classmethod
    def of_entries(
        cls, tokens_M: Tensor, features_M: Tensor, acts_M: Tensor, n_features: int, n_tokens: int
    ) -> "CodesByFeature":
        """Entries in ascending order of token; none stands there twice."""
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
        return self.of_entries(tokens_M, self.features_M[kept_M], self.acts_M[kept_M], self.n_features, len(tokens_N))

    def columns(self, features_K: Tensor) -> Tensor:
        """Activations of the chosen latents at every token, [T, K], 0 where silent."""
        acts_TK = self.acts_M.new_zeros(self.n_tokens, len(features_K))
        for column, feature in enumerate(features_K.tolist()):
            mine = slice(int(self.starts_F1[feature]), int(self.starts_F1[feature + 1]))
            acts_TK[self.tokens_M[mine], column] = self.acts_M[mine]
        return acts_TK

    def aurocs(self, y_TC: Tensor) -> Tensor:
        """Area under the ROC curve of each latent's activation for each target, [C, F].

        It is the chance that the activation is higher on a token of the target than on another, ties counting half.

        Silent tokens are tied at 0, so that only firings are ranked. The scale of a latent makes no difference.

        Args:
            y_TC: Which tokens are of a target, bool; each target has tokens of both kinds.
        """
        rank_M, silent_rank_F = self._ranks()
        areas = []
        for y_T in y_TC.T:
            is_so_M, n = y_T[self.tokens_M].double(), y_T.sum().double()
            fired_F = torch.bincount(self.features_M, is_so_M, minlength=self.n_features)
            ranks_F = torch.bincount(self.features_M, is_so_M * rank_M, minlength=self.n_features)
            sum_F = ranks_F + (n - fired_F) * silent_rank_F
            areas.append((sum_F - n * (n + 1) / 2) / (n * (self.n_tokens - n)))
        return torch.stack(areas)

    def differences(self, y_TC: Tensor) -> Tensor:
        """Mean activation of each latent on the tokens of each target less that on the others, [C, F]."""
        total_F = torch.bincount(self.features_M, self.acts_M.double(), minlength=self.n_features)
        differences = []
        for y_T in y_TC.T:
            acts_M, n = self.acts_M.double() * y_T[self.tokens_M], y_T.sum().double()
            inside_F = torch.bincount(self.features_M, acts_M, minlength=self.n_features)
            differences.append(inside_F / n - (total_F - inside_F) / (self.n_tokens - n))
        return torch.stack(differences)

    def _ranks(self) -> tuple[Tensor, Tensor]:
        """Rank of each firing among its latent's tokens, from 1, ties at their mean; and that of a silent token."""
        order_M = torch.argsort(self.acts_M, stable=True)
        order_M = order_M[torch.argsort(self.features_M[order_M], stable=True)]
        acts_M, features_M = self.acts_M[order_M], self.features_M[order_M]
        begins_M = torch.ones_like(features_M, dtype=torch.bool)
        begins_M[1:] = (features_M.diff() != 0) | (acts_M.diff() != 0)
        group_M = begins_M.cumsum(0) - 1
        counts = torch.bincount(group_M)
        mean_M = (counts.cumsum(0) - (counts - 1) / 2)[group_M].double() - self.starts_F1[features_M]
        silent_F = self.n_tokens - self.starts_F1.diff()
        mean_M += silent_F[features_M] * (acts_M > 0)
        rank_M = torch.empty_like(mean_M)
        rank_M[order_M] = mean_M
        below_F = torch.bincount(self.features_M, (self.acts_M < 0).double(), minlength=self.n_features)
        return rank_M, below_F + (silent_F + 1) / 2


def strongest(scores_CF: Tensor, n: int) -> Tensor:
    """The latents with the n highest scores, for each target, best first; of equal ones the lower."""
    return torch.sort(scores_CF, dim=1, descending=True, stable=True).indices[:, :n]
