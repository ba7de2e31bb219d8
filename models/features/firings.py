"""All feature activations of consecutive contexts, sorted by feature; every statistic is computed from them.

Axes: T tokens, K slots per token, F features, M firings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from models.sparse.codes import SparseCodes


@dataclass(frozen=True)
class Firings:
    """Firings in ascending order of feature, then context, then position: one feature's are one slice.

    Holds every firing of its contexts, `first_context` to `last_context`, silent ones included; a context is never cut.
    """

    features_M: np.ndarray
    contexts_M: np.ndarray
    positions_M: np.ndarray
    acts_M: np.ndarray
    n_features: int
    n_tokens: int
    first_context: int
    last_context: int

    @classmethod
    def of(cls, codes: Sequence[SparseCodes], context_T: Tensor, position_T: Tensor) -> "Firings":
        """Sorts the codes of consecutive batches; contexts and positions ascend, as they are stored."""
        features, acts, tokens = (torch.cat(parts) for parts in zip(*_flat(codes), strict=True))
        n_features = codes[0].n_features
        small = features.to(torch.int16 if n_features <= 2**15 else torch.int32)
        features_M, order_M = torch.sort(small, stable=True)
        tokens_M = tokens.index_select(0, order_M).cpu()
        return cls(
            features_M.int().cpu().numpy(),
            context_T.index_select(0, tokens_M).numpy(),
            position_T.int().index_select(0, tokens_M).numpy(),
            acts.index_select(0, order_M).cpu().numpy(),
            n_features,
            len(context_T),
            int(context_T[0]),
            int(context_T[-1]),
        )

    def __add__(self, later: "Firings") -> "Firings":
        """The firings of these contexts and of later ones."""
        features_M = np.concatenate([self.features_M, later.features_M])
        order_M = torch.sort(torch.from_numpy(features_M), stable=True).indices.numpy()
        return Firings(
            features_M[order_M],
            np.concatenate([self.contexts_M, later.contexts_M])[order_M],
            np.concatenate([self.positions_M, later.positions_M])[order_M],
            np.concatenate([self.acts_M, later.acts_M])[order_M],
            self.n_features,
            self.n_tokens + later.n_tokens,
            self.first_context,
            later.last_context,
        )

    @cached_property
    def starts_F1(self) -> np.ndarray:
        """Where each feature's firings begin, and where the last one's end."""
        return np.searchsorted(self.features_M, np.arange(self.n_features + 1, dtype=self.features_M.dtype))

    @property
    def counts_F(self) -> np.ndarray:
        return np.diff(self.starts_F1)

    def spread(self, values_F: np.ndarray) -> np.ndarray:
        """For every firing the value of its feature."""
        return np.repeat(values_F, self.counts_F)

    def fold(self, ufunc: np.ufunc, values_M: np.ndarray, empty: float = 0) -> np.ndarray:
        """`ufunc` over each feature's values in order; `empty` where it has none."""
        folded_F = np.full(self.n_features, empty, dtype=values_M.dtype)
        alive_F = self.counts_F > 0
        if alive_F.any():
            folded_F[alive_F] = ufunc.reduceat(values_M, self.starts_F1[:-1][alive_F])
        return folded_F


def _flat(codes: Sequence[SparseCodes]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Feature, activation and token of the non-empty slots of each batch, tokens counted through."""
    flat, first = [], 0
    for some in codes:
        n, k = some.acts_TK.shape
        acts, features = some.acts_TK.flatten(), some.features_TK.flatten()
        tokens = torch.arange(first, first + n, device=acts.device, dtype=torch.int32)[:, None].expand(n, k).flatten()
        if not (full_M := acts > 0).all():
            acts, features, tokens = acts[full_M], features[full_M], tokens[full_M]
        flat.append((features, acts, tokens))
        first += n
    return flat
