"""p-annealed autoencoder (Karvonen et al. 2024, arXiv:2408.00113): from L1 towards a count of what fires.

Axes: M places.
"""

from torch import Tensor

from models.dictionaries.architectures.standard import StandardSAE
from models.dictionaries.base import StepContext

FIRST, LAST, END = 0.3, 0.7, 0.3
"""Shares of the run at which p begins to fall from 1 and has reached `END`."""
ROUND = 0.1
"""Added to each activation, so that the power's gradient is bounded at 0."""


class PAnnealSAE(StandardSAE):
    """Codes as the ReLU autoencoder does, and pays for the p-th power of its activations.

    loss = (|x - x_hat|^2 + coefficient * sum_i (codes_i |W_dec_i| + .1)^p) / |x - mean x|^2 + aux / 32

    p falls linearly from 1: large activations come to cost hardly more than small ones, so that they shrink less. What
    is exported is a ReLU autoencoder.
    """

    architecture = "p_anneal"

    def penalty(self, strengths_M: Tensor, context: StepContext) -> Tensor:
        done = min(1.0, max(0.0, (context.progress - FIRST) / (LAST - FIRST)))
        p = 1 + (END - 1) * done
        return ((strengths_M + ROUND).pow(p) - ROUND**p).sum()

    def exported(self) -> StandardSAE:
        return StandardSAE(self.tensors(), self.config)
