"""Gated autoencoder (Rajamanoharan et al. 2024, arXiv:2404.16014): what fires and how strongly are told apart.

Axes: T tokens, D width, E width that is written, F features, M places.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from models.dictionaries.architectures.standard import SPARSITY_WARMUP
from models.dictionaries.base import FeatureReader, LossTerms, SparseDictionary, StepContext
from models.dictionaries.config import SAESettings
from models.dictionaries.sparsity_controller import WIDE, SparsityController
from models.sparse.codes import SparseCodes
from models.sparse.entries import Entries
from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup
from models.sparse.threshold_select import entries_above, select_above_threshold, threshold_for_l0


class GatedSAE(SparseDictionary):
    """Codes an activation by the features whose gate is open.

    gate = (x - b_dec) @ W_enc + b_gate;  codes = [gate > 0] relu((x - b_dec) @ (W_enc exp(r_mag)) + b_mag);
    x_hat = codes @ W_dec + b_dec;  |W_dec rows| = 1

    loss = (|x - x_hat|^2 + coefficient * sum relu(gate) + |x - relu(gate) @ W_dec' - b_dec'|^2) / |x - mean x|^2
    + aux / 32, where ' stands for a copy without gradient. The penalty shrinks the gates, not the activations.
    """

    architecture = "gated"
    biases = ("b_gate", "b_mag")
    gains = ("r_mag",)

    b_gate: torch.nn.Parameter
    b_mag: torch.nn.Parameter
    r_mag: torch.nn.Parameter

    def __init__(self, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
        super().__init__(tensors, config)
        self.weight = SparsityController(
            self.config.get("sparsity_coefficient", "auto"), self.config.get("k", 1), SPARSITY_WARMUP
        )

    @classmethod
    def asked(cls, settings: SAESettings) -> dict[str, Any]:
        return super().asked(settings) | {"sparsity_coefficient": settings.sparsity_coefficient}

    def slope(self, bias: str) -> Tensor | float:
        return self.r_mag.detach().exp() if bias == "b_mag" else 1.0

    @torch.no_grad()
    def meet(self, x_TD: Tensor, process_group: ProcessGroup = SINGLE_PROCESS) -> None:
        """Biases begin where the first batch has the L0 that is wanted first, not half of all features."""
        l0 = min(WIDE * self.k, process_group.features(self.n_features) / 4)
        level = threshold_for_l0(x_TD - self.centre_D, self.encoder_FD, self.b_gate, l0, process_group)
        self.b_gate.sub_(level)
        self.b_mag.sub_(level)

    @torch.no_grad()
    def encode(self, x_TD: Tensor) -> SparseCodes:
        zero = self.b_gate.new_zeros(())
        slots, gate_M = entries_above(x_TD.float() - self.centre_D, self.encoder_FD, self.b_gate, zero)
        return SparseCodes.of(slots, self._magnitude(gate_M, slots).relu())

    def feature_activations(self, features_M: Tensor) -> FeatureReader:
        gates = self.feature_products(features_M, self.b_gate)
        of_each = (self.r_mag.exp(), self.b_gate, self.b_mag)
        gain_M1, gate_M1, bias_M1 = (each.detach()[features_M, None] for each in of_each)

        def read(x_MTD: Tensor) -> Tensor:
            gate_MT = gates(x_MTD)
            return ((gate_MT - gate_M1) * gain_M1 + bias_M1).relu() * (gate_MT > 0)

        return read

    def _magnitude(self, gate_M: Tensor, places: Entries) -> Tensor:
        """`gate - b_gate` is the product, of which the magnitude is another multiple with another bias."""
        product_M = gate_M - places.each(self.b_gate)
        return product_M * places.each(self.r_mag).exp() + places.each(self.b_mag)

    def loss(self, x_TD: Tensor, y_TE: Tensor, context: StepContext) -> LossTerms:
        centred_TD, zero = (x_TD - self.centre_D).detach(), self.b_gate.new_zeros(())
        dtype, group = context.encoder_matmul_dtype, context.process_group
        places, found_M = select_above_threshold(centred_TD, self.encoder_FD, self.b_gate, zero, dtype)
        gate_M = places.products(x_TD, self.centre_D, self.encoder_FD, self.b_gate, context.exact(found_M))
        open_M = gate_M.relu()
        acts_M = self._magnitude(gate_M, places).relu() * (gate_M > 0)
        l0 = context.mean_l0(places.firings(acts_M.detach()), x_TD)
        by_gates = group.share * self._error_by_gates(x_TD, y_TE, open_M, places, group).square().sum()
        weight = self.weight.update(l0, context.step, context.n_steps)
        penalty = (weight * open_M.sum() + by_gates) / group.spread(y_TE)
        left = self.reconstruction(x_TD, y_TE, acts_M, places, context)
        return self.loss_terms(x_TD, y_TE, left, context, penalty)

    def _error_by_gates(
        self, x_TD: Tensor, y_TE: Tensor, open_M: Tensor, places: Entries, process_group: ProcessGroup
    ) -> Tensor:
        guess_TE = process_group.over_features(places.combine(open_M, self.W_dec.detach())) + self.b_dec.detach()
        return y_TE - (guess_TE if self.W_skip is None else guess_TE + x_TD @ self.W_skip.detach().T)
