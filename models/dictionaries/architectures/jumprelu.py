"""JumpReLU autoencoder (Rajamanoharan et al. 2024, arXiv:2407.14435): each feature fires above a threshold of its own.

Axes: T tokens, D width, E width that is written, F features, M places.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from models.dictionaries.base import LossTerms, SparseDictionary, StepContext
from models.dictionaries.config import SAESettings
from models.dictionaries.sparsity_controller import SparsityController
from models.dictionaries.straight_through import jumprelu_ste
from models.sparse.codes import SparseCodes
from models.sparse.dense_ops import DenseEntries
from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup
from models.sparse.sparse_ops import SparseEntries
from models.sparse.threshold_select import entries_above, select_above_threshold, threshold_for_l0

WARMUP = {"l0": 0.0, "tanh": 1.0}
"""Share of the run in which the weight of the penalty rises."""
HELD, GRIP = 0.2, 0.1
"""Share of the run in which thresholds are moved together, each step by the GRIP-th power of L0 / k: pre-activations
shrink while the encoder learns its first features, and thresholds that learn at their own pace would let L0 fall to a
quarter and a third of the features die."""
COEFFICIENT = 3.0
"""Of the L0 penalty, where none is named. With bandwidth 1 the planted directions of the tests are found with a mean
best cosine of .976 and an L0 2.4 % above its target; at coefficient 1 it is .971 and 5.6 %, with bandwidth .5 .953,
with bandwidth .1 and coefficient 1 .865."""
BANDWIDTH = {"l0": 1.0, "tanh": 2.0}
DEAD_THRESHOLD_SLOPE = 1e-3
"""Slope of the loss by the threshold of a dead feature, which has none of its own: down it goes until it fires."""
ROUNDING = 0.05
"""By which a rounded pre-activation may be off, in root mean squares of an activation's entries."""
SHARPNESS = 4.0
"""c of tanh."""
PREACT_LOSS_WEIGHT = 3e-6
"""Weight of the loss on pre-activations below their threshold."""


class JumpReLUSAE(SparseDictionary):
    """Codes an activation by the features whose pre-activation exceeds their threshold.

    codes = pre * H(pre - threshold);  pre = (x - b_dec) @ W_enc + b_enc;  x_hat = codes @ W_dec + b_dec;
    |W_dec rows| = 1

    loss = |x - x_hat|^2 / |x - mean x|^2 + coefficient * (L0 / k - 1)^2 + aux / 32

    H has no gradient; in its place stands that of a ramp of width e around the threshold: d codes / d threshold =
    -threshold / e and d H / d threshold = -1 / e for |pre - threshold| < e / 2, taken of the pre-activation. With
    `sparsity_penalty: tanh` (Anthropic, January 2025, "Dictionary learning optimization techniques") the penalty is
    instead coefficient * mean sum tanh(c |W_dec_i| codes_i), rising linearly over the whole run, plus a small pull on
    what stays below its threshold; gradients of the ramp then reach the pre-activations too.
    """

    architecture = "jumprelu"
    levels = ("threshold",)

    threshold: torch.nn.Parameter

    def __init__(self, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
        super().__init__(tensors, config)
        self.sparsity_penalty = self.config.get("sparsity_penalty", "l0")
        self.ste_bandwidth = self.config.get("ste_bandwidth", "auto")
        if self.ste_bandwidth == "auto":
            self.ste_bandwidth = BANDWIDTH[self.sparsity_penalty]
        coefficient = self.config.get("sparsity_coefficient", "auto")
        if self.sparsity_penalty == "l0" and coefficient == "auto":
            coefficient = COEFFICIENT
        self.hold = 1.0
        """Factor of all thresholds after the next step."""
        self.weight = SparsityController(coefficient, self.config.get("k", 1), WARMUP[self.sparsity_penalty])

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

    def rescaled(self, factor: float) -> "JumpReLUSAE":
        """The same dictionary with every threshold times a factor."""
        return JumpReLUSAE(self.tensors() | {"threshold": self.threshold.detach() * factor}, self.config)

    @torch.no_grad()
    def after_step(self) -> None:
        super().after_step()
        self.threshold.clamp_(min=0).mul_(self.hold)

    @torch.no_grad()
    def meet(self, x_TD: Tensor, ensemble: ProcessGroup = SINGLE_PROCESS) -> None:
        """Thresholds begin where the first batch has k features a token."""
        centred_TD = x_TD - self.centre_D
        self.threshold.fill_(threshold_for_l0(centred_TD, self.encoder_FD, self.b_enc, self.config["k"], ensemble))

    def loss(
        self, x_TD: Tensor, y_TE: Tensor, moment: StepContext, ensemble: ProcessGroup = SINGLE_PROCESS
    ) -> LossTerms:
        make = self._counting if self.sparsity_penalty == "l0" else self._saturating
        return make(x_TD, y_TE, moment, ensemble)

    def _counting(self, x_TD: Tensor, y_TE: Tensor, moment: StepContext, ensemble: ProcessGroup) -> LossTerms:
        """With the penalty on L0. Only what fires is differentiated; what the ramps of all places near their threshold
        pass on to it is added up by feature."""
        halves = [t.detach().to(moment.matmul) for t in (x_TD - self.centre_D, self.encoder_FD, self.b_enc)]
        level_F, width = self.threshold.detach(), self.ste_bandwidth
        lowest_F = level_F - max(width / 2, ROUNDING)
        near, rough_M = entries_above(halves[0], halves[1], halves[2], lowest_F.to(moment.matmul))
        above_M = rough_M.float() - near.each(level_F)
        likely_M = above_M > (0.0 if moment.matmul == torch.float32 else -ROUNDING)
        slots, known_M = near.where(likely_M), rough_M[likely_M] if moment.matmul == torch.float32 else None
        pre_M = slots.products(x_TD, self.centre_D, self.encoder_FD, self.b_enc, known_M)
        acts_M = pre_M * (pre_M.detach() > slots.each(level_F))
        error_TE = self.error(x_TD, y_TE, acts_M, slots, ensemble)
        squared = ensemble.share * error_TE.square().sum()

        firings_F = slots.firings(acts_M.detach())
        l0 = float(ensemble.sum(firings_F.sum())) / ensemble.tokens(x_TD)
        off, weight = l0 / self.config["k"] - 1, self.weight.at(l0, moment.step, moment.n_steps)
        self.hold = (l0 / self.config["k"]) ** GRIP if moment.progress < HELD and l0 else 1.0
        with torch.no_grad():
            ramp = near.where(above_M.abs() < width / 2)
            pull_M = ramp.products(error_TE.detach(), error_TE.new_zeros(()), self.W_dec, torch.zeros_like(level_F))
            by_codes_M = 2 / ensemble.spread(y_TE) * pull_M * ramp.each(level_F)
            by_count = 2 * weight * off / self.config["k"] / ensemble.tokens(x_TD)
            slope_F = DEAD_THRESHOLD_SLOPE * moment.dead_F.to(level_F.dtype)
            slope_F.index_add_(0, ramp.features_M, (by_codes_M - by_count) / width)
        penalty = weight * off**2 / ensemble.size + (slope_F * (self.threshold - level_F)).sum()
        return self.outcome(squared, error_TE, x_TD, y_TE, firings_F, moment, ensemble, penalty)

    def _saturating(self, x_TD: Tensor, y_TE: Tensor, moment: StepContext, ensemble: ProcessGroup) -> LossTerms:
        """With the tanh penalty, whose gradients reach pre-activations too."""
        centred_TD = (x_TD - self.centre_D).detach()
        level_F = self.threshold.detach() - self.ste_bandwidth / 2
        places, found_M = select_above_threshold(centred_TD, self.encoder_FD, self.b_enc, level_F, moment.matmul)
        exact = found_M if moment.matmul == torch.float32 else None
        pre_M = places.products(x_TD, self.centre_D, self.encoder_FD, self.b_enc, exact)
        acts_M = jumprelu_ste(pre_M, places.each(self.threshold), self.ste_bandwidth)
        penalty = self._tanh(x_TD, y_TE, pre_M, acts_M, places, moment, ensemble)
        return self.cost(x_TD, y_TE, acts_M, places, moment, ensemble, penalty)

    def _tanh(
        self,
        x_TD: Tensor,
        y_TE: Tensor,
        pre_M: Tensor,
        acts_M: Tensor,
        places: SparseEntries | DenseEntries,
        moment: StepContext,
        ensemble: ProcessGroup,
    ) -> Tensor:
        l0 = ensemble.sum(places.firings(acts_M.detach()).sum()) / ensemble.tokens(x_TD)
        weight = self.weight.at(float(l0), moment.step, moment.n_steps)
        norm_F = torch.linalg.vector_norm(self.W_dec, dim=1)
        sparse = torch.tanh(SHARPNESS * acts_M * places.each(norm_F)).sum()
        below = self._below(x_TD, pre_M, places, norm_F)
        return (weight * sparse + PREACT_LOSS_WEIGHT * below) / ensemble.spread(y_TE)

    def _below(self, x_TD: Tensor, pre_M: Tensor, places: SparseEntries | DenseEntries, norm_F: Tensor) -> Tensor:
        """Sum over tokens and features of relu(threshold - pre) |W_dec|: the sum of threshold - pre over all, which is
        linear, less what exceeds its threshold, which is little."""
        sum_F = (x_TD - self.centre_D).sum(0) @ self.encoder_FD.T + len(x_TD) * self.b_enc
        all_of_them = ((len(x_TD) * self.threshold - sum_F) * norm_F).sum()
        excess_M = (pre_M - places.each(self.threshold)).relu()
        return all_of_them + (excess_M * places.each(norm_F)).sum()
