"""JumpReLU autoencoder (Rajamanoharan et al. 2024, arXiv:2407.14435): each feature fires above a threshold of its own.

Axes: T tokens, D width, E width that is written, F features, M places.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Self

import torch
from torch import Tensor

from models.dictionaries import jumprelu_l0_loss, jumprelu_tanh_loss
from models.dictionaries.base import FeatureReader, LossTerms, SparseDictionary, StepContext
from models.dictionaries.config import SAESettings
from models.dictionaries.loss_terms import TrainingCodes
from models.dictionaries.sparsity_controller import SparsityController
from models.sparse.codes import SparseCodes
from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup
from models.sparse.threshold_select import entries_above, threshold_for_l0

LOSSES = {"l0": jumprelu_l0_loss, "tanh": jumprelu_tanh_loss}
"""By the penalty's name in recipes: modules with a loss, its constants, and what becomes of thresholds after a step."""


class JumpReLUSAE(SparseDictionary):
    """Codes an activation by the features whose pre-activation exceeds their threshold.

    codes = pre * H(pre - threshold);  pre = (x - b_dec) @ W_enc + b_enc;  x_hat = codes @ W_dec + b_dec;
    |W_dec rows| = 1

    loss = |x - x_hat|^2 / |x - mean x|^2 + coefficient * (L0 / k - 1)^2 + aux / 32

    H has no gradient; in its place stands that of a ramp of width e around the threshold: d codes / d threshold =
    -threshold / e and d H / d threshold = -1 / e for |pre - threshold| < e / 2, taken of the pre-activation. With
    `sparsity_penalty: tanh` the penalty is another (see models/dictionaries/jumprelu_tanh_loss.py).
    """

    architecture = "jumprelu"
    levels = ("threshold",)

    threshold: torch.nn.Parameter

    def __init__(self, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
        super().__init__(tensors, config)
        self.sparsity_penalty = self.config.get("sparsity_penalty", "l0")
        bandwidth, coefficient = (self.config.get(name, "auto") for name in ("ste_bandwidth", "sparsity_coefficient"))
        self.ste_bandwidth = self.loss_module.BANDWIDTH if bandwidth == "auto" else bandwidth
        coefficient = self.loss_module.COEFFICIENT if coefficient == "auto" else coefficient
        self.weight = SparsityController(coefficient, self.config.get("k", 1), self.loss_module.SPARSITY_WARMUP)

    @property
    def loss_module(self) -> ModuleType:
        """A name, not a value of the dictionary's: modules cannot be pickled."""
        return LOSSES[self.sparsity_penalty]

    @classmethod
    def asked(cls, settings: SAESettings) -> dict[str, Any]:
        return super().asked(settings) | {
            "sparsity_penalty": settings.sparsity_penalty,
            "ste_bandwidth": settings.ste_bandwidth,
            "sparsity_coefficient": settings.sparsity_coefficient,
        }

    @torch.no_grad()
    def encode(self, x_TD: Tensor) -> SparseCodes:
        floor_F = self.threshold.clamp_min(0)
        slots, pre_M = entries_above(x_TD.float() - self.centre_D, self.encoder_FD, self.b_enc, floor_F)
        return SparseCodes.of(slots, pre_M)

    def feature_activations(self, features_M: Tensor) -> FeatureReader:
        products = self.feature_products(features_M, self.b_enc)
        threshold_M1 = self.threshold.detach().clamp_min(0)[features_M, None]

        def read(x_MTD: Tensor) -> Tensor:
            pre_MT = products(x_MTD)
            return torch.where(pre_MT > threshold_M1, pre_MT, 0.0)

        return read

    def rescaled(self, factor: float) -> Self:
        """The same dictionary with every threshold times a factor."""
        return type(self)(self.tensors() | {"threshold": self.threshold.detach() * factor}, self.config)

    @torch.no_grad()
    def after_step(self, terms: LossTerms, context: StepContext) -> None:
        super().after_step(terms, context)
        self.threshold.clamp_(min=0).mul_(self.loss_module.threshold_factor(self.k, terms, context))

    @torch.no_grad()
    def meet(self, x_TD: Tensor, process_group: ProcessGroup = SINGLE_PROCESS) -> None:
        """Thresholds begin where the first batch has k features a token."""
        centred_TD = x_TD - self.centre_D
        self.threshold.fill_(threshold_for_l0(centred_TD, self.encoder_FD, self.b_enc, self.k, process_group))

    def training_codes(self, x_TD: Tensor, context: StepContext) -> TrainingCodes:
        """With the tanh penalty, which alone does not depend on what is written."""
        return jumprelu_tanh_loss.training_codes(self, x_TD, context)

    def loss(self, x_TD: Tensor, y_TE: Tensor, context: StepContext) -> LossTerms:
        return self.loss_module.loss(self, x_TD, y_TE, context)
