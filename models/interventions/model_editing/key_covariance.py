"""How keys of a down-projection spread over ordinary text: what an edit should leave alone.

C = E[k kᵀ], streamed: sums of products of batches in float32, added up in float64. B rows, P positions, E neurons,
N tokens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.interventions.model_editing.down_projection import InvalidEdit
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

ROWS = 16
"""Texts that are read as one batch."""
SMALLEST_PIVOT = 1e-13
"""Share of the largest pivot below which a covariance counts as not invertible."""


@dataclass(frozen=True, slots=True, eq=False)
class KeyCovariance:
    """Second moment of the keys of one block."""

    moment_EE: Tensor
    """E[k kᵀ] in float64."""
    n_tokens: int

    def solve(self, key_E: Tensor, ridge: float) -> Tensor:
        """u = (C + ridge · mean(diag C) · I)⁻¹ k in float64; of several keys (E, N) each.

        Raises:
            InvalidEdit: If the matrix is not invertible.
        """
        mean = self.moment_EE.diagonal().mean()
        matrix_EE = self.moment_EE + ridge * mean * torch.eye(len(self.moment_EE), dtype=torch.float64)
        factor_EE, failed = torch.linalg.cholesky_ex(matrix_EE)
        pivot_E = factor_EE.diagonal().square()
        if failed or not mean or float(pivot_E.min()) < SMALLEST_PIVOT * float(pivot_E.max()):
            raise InvalidEdit(
                f"the covariance of {len(matrix_EE):,} neurons over {self.n_tokens:,} tokens is not invertible with a "
                f"ridge of {ridge:g}: read more tokens than there are neurons (`covariance_tokens`), or raise `ridge`"
            )
        key_EN = key_E.double().cpu()
        found_EN = torch.cholesky_solve(key_EN.reshape(len(key_EN), -1), factor_EE)
        return found_EN.reshape(key_EN.shape)


@torch.no_grad()
def key_covariances(
    host: HookedModel, layers: Sequence[int], texts: Sequence[Sequence[int]], n_special: int = 0
) -> Mapping[int, KeyCovariance]:
    """The covariance of several blocks from one reading.

    Args:
        host: The model.
        layers: The blocks.
        texts: Token ids, all of one length.
        n_special: Special tokens before each text, which are not counted.
    """
    sites = {layer: Site("mlp_act", layer) for layer in dict.fromkeys(layers)}
    sums = {
        layer: torch.zeros(host.width(site), host.width(site), dtype=torch.float64) for layer, site in sites.items()
    }
    n_tokens = 0
    for start in range(0, len(texts), ROWS):
        with host.capture(sites.values()) as found:
            host.forward(torch.tensor(texts[start : start + ROWS]))
        for layer, site in sites.items():
            key_NE = found[site][:, n_special:].flatten(0, 1).float()
            sums[layer] += (key_NE.T @ key_NE).double().cpu()
        n_tokens += sum(len(text) - n_special for text in texts[start : start + ROWS])
    return {layer: KeyCovariance(sum_EE / n_tokens, n_tokens) for layer, sum_EE in sums.items()}
