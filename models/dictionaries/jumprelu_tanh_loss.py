"""JumpReLU's loss with a tanh penalty (Anthropic, January 2025, "Dictionary learning optimization techniques").

The penalty is coefficient * mean sum tanh(c |W_dec_i| codes_i), rising linearly over the whole run, plus a small loss
on what stays below its threshold. Gradients of the ramp reach the pre-activations too.

Axes: T tokens, D width, E width that is written, F features, M places.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.dictionaries.loss_terms import LossTerms, StepContext, TrainingCodes
from models.dictionaries.straight_through import jumprelu_ste
from models.sparse.entries import Entries
from models.sparse.threshold_select import select_above_threshold

if TYPE_CHECKING:
    from models.dictionaries.architectures.jumprelu import JumpReLUSAE

COEFFICIENT = "auto"
BANDWIDTH = 2.0
SPARSITY_WARMUP = 1.0
"""Share of the run in which the weight of the penalty rises."""
SHARPNESS = 4.0
"""c of tanh."""
PREACT_LOSS_WEIGHT = 3e-6
"""Weight of the loss on pre-activations below their threshold."""


def loss(sae: "JumpReLUSAE", x_TD: Tensor, y_TE: Tensor, context: StepContext) -> LossTerms:
    codes = training_codes(sae, x_TD, context)
    left = sae.reconstruction(x_TD, y_TE, codes.acts_M, codes.entries, context)
    return sae.loss_terms(x_TD, y_TE, left, context, codes.penalty / context.process_group.spread(y_TE))


def training_codes(sae: "JumpReLUSAE", x_TD: Tensor, context: StepContext) -> TrainingCodes:
    """What fires or is near its threshold, and the penalty."""
    centred_TD, dtype = (x_TD - sae.centre_D).detach(), context.encoder_matmul_dtype
    level_F = sae.threshold.detach() - sae.ste_bandwidth / 2
    entries, found_M = select_above_threshold(centred_TD, sae.encoder_FD, sae.b_enc, level_F, dtype)
    pre_M = entries.products(x_TD, sae.centre_D, sae.encoder_FD, sae.b_enc, context.exact(found_M))
    acts_M = jumprelu_ste(pre_M, entries.each(sae.threshold), sae.ste_bandwidth)
    weight = sae.weight.update(context.mean_l0(entries.firings(acts_M.detach()), x_TD), context.step, context.n_steps)
    norm_F = torch.linalg.vector_norm(sae.W_dec, dim=1)
    sparse = torch.tanh(SHARPNESS * acts_M * entries.each(norm_F)).sum()
    below = _below_threshold(sae, x_TD, pre_M, entries, norm_F)
    return TrainingCodes(acts_M, entries, weight * sparse + PREACT_LOSS_WEIGHT * below)


def threshold_factor(k: float, terms: LossTerms, context: StepContext) -> float:
    """Thresholds learn alone."""
    return 1.0


def _below_threshold(sae: "JumpReLUSAE", x_TD: Tensor, pre_M: Tensor, entries: Entries, norm_F: Tensor) -> Tensor:
    """Sum over tokens and features of relu(threshold - pre) |W_dec|: the sum of threshold - pre over all, which is
    linear, less what exceeds its threshold, which is little."""
    sum_F = (x_TD - sae.centre_D).sum(0) @ sae.encoder_FD.T + len(x_TD) * sae.b_enc
    all_of_them = ((len(x_TD) * sae.threshold - sum_F) * norm_F).sum()
    excess_M = (pre_M - entries.each(sae.threshold)).relu()
    return all_of_them + (excess_M * entries.each(norm_F)).sum()
