"""Crosscoders: one set of features of two models, or of two sites, each with a decoder row for either side.

f = act(sum_s x^s @ W_enc^s + b);  x_hat^s = f @ W_dec^s + b^s (Lindsey et al. 2024; BatchTopK: Minder et al. 2025,
arXiv:2504.02922). It is a dictionary of both sides' activations side by side, but for one thing: what a feature costs
is its activation times the sum of the norms of its two rows, not the norm of both together, so that a row that is not
needed goes to 0.

Axes: T tokens, E width of both sides together, F features, S sides, D width of a side, M places.
"""

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor

from models.dictionaries.architectures.batchtopk import BatchTopKSAE
from models.dictionaries.architectures.standard import StandardSAE
from models.dictionaries.base import SparseDictionary
from models.sparse.process_group import ProcessGroup
from models.sparse.sparse_ops import SparseEntries
from models.sparse.threshold_select import batch_topk


class _TwoSides(SparseDictionary):
    """What both kinds of crosscoder have beside a dictionary of one site."""

    @classmethod
    def of_widths(cls, widths: tuple[int, int], n_features: int, k: int, chance: torch.Generator) -> Self:
        """Untrained, for sides that are centred and have E|x|^2 = D each: the encoder is the decoder's transpose."""
        W_dec = torch.nn.functional.normalize(torch.randn(n_features, sum(widths), generator=chance), dim=1)
        tensors = {"W_enc": W_dec.T.clone(), "W_dec": W_dec, "b_dec": torch.zeros(sum(widths))}
        tensors |= {name: torch.zeros(n_features) for name in (*cls.biases, *cls.levels, *cls.gains)}
        return cls(tensors, {"k": k, "widths": list(widths)})

    @property
    def n_sites_read(self) -> int:
        return 2

    @property
    def side_widths(self) -> tuple[int, int]:
        own, other = self.config["widths"]
        return own, other

    @property
    def cost_F(self) -> Tensor:
        """Sum of the norms of a feature's two decoder rows."""
        return sum_of_norms(self.W_dec, self.side_widths)


def sum_of_norms(W_dec: Tensor, widths: tuple[int, int]) -> Tensor:
    """Over the sides, feature by feature."""
    own, other = (torch.linalg.vector_norm(part, dim=1) for part in W_dec.split(widths, dim=1))
    return own + other


class BatchTopKCrosscoder(_TwoSides, BatchTopKSAE):
    """Keeps of a batch of B tokens the k B places where activation times cost is largest."""

    def _slots(
        self, x_TD: Tensor, matmul: torch.dtype, process_group: ProcessGroup
    ) -> tuple[SparseEntries, Tensor | None]:
        centred_TD, cost_F = (x_TD.float() - self.centre_D).detach(), self.cost_F.detach()
        wanted = self.k * process_group.tokens(x_TD)
        rows_FD, bias_F = self.encoder_FD.detach() * cost_F[:, None], self.b_enc.detach() * cost_F
        slots, values_M = batch_topk(centred_TD, rows_FD, bias_F, wanted, matmul, process_group)
        return slots, None if values_M is None else values_M / slots.each(cost_F)

    def levels_F(self, x_TD: Tensor) -> Tensor:
        """The pre-activation from which each feature fires, so that k fire on a token of these on average."""
        _, acts_M = (codes := self.encode(x_TD)).slots()
        least = (acts_M * codes.slots()[0].each(self.cost_F.detach())).min() if len(acts_M) else acts_M.new_zeros(())
        return least / self.cost_F.detach().clamp_min(1e-12)


class L1Crosscoder(_TwoSides, StandardSAE):
    """Pays for each activation times cost; the weight of the penalty is steered towards an L0 of k."""

    def __init__(self, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
        super().__init__(tensors, {"sparsity_coefficient": "auto", **config})

    @property
    def writing_norm_F(self) -> Tensor:
        return self.cost_F

    def levels_F(self, x_TD: Tensor) -> Tensor:
        """Features fire wherever they are positive."""
        return torch.zeros_like(self.b_enc)


Crosscoder = BatchTopKCrosscoder | L1Crosscoder
KINDS: dict[str, type[BatchTopKCrosscoder] | type[L1Crosscoder]] = {
    "batchtopk": BatchTopKCrosscoder,
    "l1": L1Crosscoder,
}
