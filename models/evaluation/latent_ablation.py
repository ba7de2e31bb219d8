"""What probes still tell of pooled texts once features are taken out, and which features would change a probe most.

Axes: N texts, D width, F latents, K ablated ones, C labels, G groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from models.numerics.hash_sampling import hash_draw
from models.probes.codes_by_feature import CodesByFeature
from models.probes.linear_probe import LinearProbe, fit_linear_probes


@dataclass(frozen=True, eq=False)
class AblatableTexts:
    """Texts whose activations, means over tokens, are a dictionary's features plus what it leaves out.

    Because a mean is linear, taking features out of every token and pooling then is the same as taking their pooled
    activations out of the pooled text; what the dictionary leaves out stays.
    """

    x_ND: Tensor
    latents: CodesByFeature
    W_dec_FD: Tensor
    group_N: np.ndarray
    """Whole numbers from 0."""
    is_test_N: np.ndarray
    ridge: float = 1e-2
    seed: int = 0

    def without(self, features_K: Sequence[int]) -> Tensor:
        """The texts with features at 0."""
        if not len(features_K):
            return self.x_ND
        chosen_K = torch.as_tensor(list(features_K), dtype=torch.int64)
        return self.x_ND - self.latents.columns(chosen_K) @ self.W_dec_FD[chosen_K]

    def fitted(self, rows_M: np.ndarray, y_N: np.ndarray) -> LinearProbe:
        rows, y = torch.from_numpy(rows_M), torch.from_numpy(y_N[rows_M])
        return fit_linear_probes(self.x_ND[rows], y[:, None], one_space=True, ridge=self.ridge)

    def right(self, probe: LinearProbe, x_ND: Tensor, rows_M: np.ndarray, y_N: np.ndarray) -> np.ndarray:
        """Which of some texts a probe tells right, bool."""
        said_M = probe.logits(x_ND[torch.from_numpy(rows_M)])[:, 0].numpy() > 0
        return said_M == y_N[rows_M]

    def effects(self, probe: LinearProbe, rows_M: np.ndarray, y_N: np.ndarray, *, only_rises: bool = False) -> Tensor:
        """How much each feature moves a probe's logit from the one answer to the other: the difference of its means
        times what the probe reads of its decoder row; 0, if `only_rises`, where the mean falls. (F,)"""
        mine = self.latents.at(torch.from_numpy(rows_M))
        difference_F = mine.differences(torch.from_numpy(y_N[rows_M])[:, None])[0]
        difference_F = difference_F.clamp_min(0) if only_rises else difference_F
        return difference_F * (self.W_dec_FD @ probe.weights_KC[:, 0]).double()

    def random_features(self, n: int, draw: int) -> list[int]:
        """Features that fire in training texts."""
        live_F = self._live.numpy()
        chance = np.random.default_rng([self.seed, draw])
        return chance.choice(live_F, min(n, len(live_F)), replace=False).tolist()

    @cached_property
    def _live(self) -> Tensor:
        train_M = torch.from_numpy(np.flatnonzero(~self.is_test_N))
        return torch.unique(self.latents.at(train_M).features_M)

    def group_counts(self, rows_M: np.ndarray, counted_M: np.ndarray) -> np.ndarray:
        """Sums over the texts of each group. (G,)"""
        return np.bincount(self.group_N[rows_M], counted_M.astype(np.float64), minlength=int(self.group_N.max()) + 1)


def top_features(effect_F: Tensor, n: int) -> list[int]:
    """Features of the largest positive effects, largest first; fewer where fewer have one."""
    order_F = torch.sort(effect_F, descending=True, stable=True).indices[:n]
    return order_F[effect_F[order_F] > 0].tolist()


def balanced_rows(cell_N: np.ndarray, is_of_side_N: np.ndarray, seed: int) -> np.ndarray:
    """As many texts of each cell (-1: of none), drawn by a hash of their place, ascending."""
    rows = np.flatnonzero(is_of_side_N & (cell_N >= 0))
    cells, counts = np.unique(cell_N[rows], return_counts=True)
    rank = hash_draw(rows, 0, seed)
    kept = [
        rows[cell_N[rows] == cell][np.argsort(rank[cell_N[rows] == cell], kind="stable")][: counts.min()]
        for cell in cells
    ]
    return np.sort(np.concatenate(kept)) if kept else rows
