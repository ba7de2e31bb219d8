"""ReLU autoencoder with an L1 penalty (Anthropic, April 2024, "Update on how we train SAEs").

Axes: T tokens, D width, E width that is written, F features, M places.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from models.dictionaries.base import FeatureReader, LossTerms, SparseDictionary, StepContext
from models.dictionaries.config import SAESettings
from models.dictionaries.sparsity_controller import WIDE, SparsityController
from models.sparse.codes import SparseCodes
from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup
from models.sparse.threshold_select import entries_above, select_above_threshold, threshold_for_l0

SPARSITY_WARMUP = 0.05
"""Share of the run in which the weight of the penalty rises."""


class StandardSAE(SparseDictionary):
    """Codes each activation by the positive part of its products with learned directions.

    codes = relu((x - b_dec) @ W_enc + b_enc);  x_hat = codes @ W_dec + b_dec

    loss = (|x - x_hat|^2 + coefficient * sum_i codes_i |W_dec_i|) / |x - mean x|^2 + aux / 32

    Decoder rows are free in training, since the penalty counts their norms, and of norm 1 afterwards. The recipe has no
    decoder bias at the input; it is the same function with another b_enc, and what is exported has one. Added
    to the recipe: biases that begin where few features fire, and the loss that revives dead ones.
    """

    architecture = "standard"
    unit_rows = False

    def __init__(self, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
        super().__init__(tensors, config)
        self.weight = SparsityController(
            self.config.get("sparsity_coefficient", "auto"), self.config.get("k", 1), SPARSITY_WARMUP
        )

    @torch.no_grad()
    def meet(self, x_TD: Tensor, process_group: ProcessGroup = SINGLE_PROCESS) -> None:
        """Biases begin where the first batch has the L0 that is wanted first, not half of all features."""
        l0 = min(WIDE * self.k, process_group.features(self.n_features) / 4)
        self.b_enc.sub_(threshold_for_l0(x_TD - self.centre_D, self.encoder_FD, self.b_enc, l0, process_group))

    @classmethod
    def asked(cls, settings: SAESettings) -> dict[str, Any]:
        return super().asked(settings) | {"sparsity_coefficient": settings.sparsity_coefficient}

    @torch.no_grad()
    def encode(self, x_TD: Tensor) -> SparseCodes:
        zero = self.b_enc.new_zeros(())
        return SparseCodes.of(*entries_above(x_TD.float() - self.centre_D, self.encoder_FD, self.b_enc, zero))

    def feature_activations(self, features_M: Tensor) -> FeatureReader:
        products = self.feature_products(features_M, self.b_enc)
        return lambda x_MTD: products(x_MTD).relu()

    def loss(self, x_TD: Tensor, y_TE: Tensor, context: StepContext) -> LossTerms:
        centred_TD, zero = (x_TD - self.centre_D).detach(), self.b_enc.new_zeros(())
        places, found_M = select_above_threshold(
            centred_TD, self.encoder_FD, self.b_enc, zero, context.encoder_matmul_dtype
        )
        acts_M = places.products(x_TD, self.centre_D, self.encoder_FD, self.b_enc, context.exact(found_M)).relu()
        l0 = context.mean_l0(places.firings(acts_M.detach()), x_TD)
        weight = self.weight.update(l0, context.step, context.n_steps)
        penalty = (
            weight
            * self.penalty(acts_M * places.each(self.writing_norm_F), context)
            / context.process_group.spread(y_TE)
        )
        left = self.reconstruction(x_TD, y_TE, acts_M, places, context)
        return self.loss_terms(x_TD, y_TE, left, context, penalty)

    @property
    def writing_norm_F(self) -> Tensor:
        """How much of a feature's activation the penalty counts."""
        return torch.linalg.vector_norm(self.W_dec, dim=1)

    def penalty(self, strengths_M: Tensor, context: StepContext) -> Tensor:
        """Of activations times the norm of what they write."""
        return strengths_M.sum()
