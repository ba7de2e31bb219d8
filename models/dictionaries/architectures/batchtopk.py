"""BatchTopK autoencoder (Bussmann et al. 2024, arXiv:2412.06410): k features a token on average over a batch.

Axes: T tokens, D width, E width that is written, F features, M kept slots.
"""

import torch
from torch import Tensor

from models.dictionaries.architectures.jumprelu import JumpReLUSAE
from models.dictionaries.base import LossTerms, SparseDictionary, StepContext
from models.dictionaries.loss_terms import TrainingCodes
from models.sparse.codes import SparseCodes
from models.sparse.process_group import SINGLE_PROCESS, ProcessGroup
from models.sparse.sparse_ops import SparseEntries
from models.sparse.threshold_select import batch_topk


class BatchTopKSAE(SparseDictionary):
    """Codes a batch of B activations by its k B largest pre-activations, wherever they fall.

    codes = relu(pre) where it is among the k B largest of the batch, else 0;  pre = (x - b_dec) @ W_enc + b_enc;
    x_hat = codes @ W_dec + b_dec;  |W_dec rows| = 1;  loss as TopK's

    A code depends on the batch that it stands in. What leaves the trainer is therefore a JumpReLU dictionary with one
    threshold for all features, chosen on held-out tokens (see models/training/threshold_calibration.py).
    """

    architecture = "batchtopk"

    def _slots(
        self, x_TD: Tensor, matmul: torch.dtype, process_group: ProcessGroup
    ) -> tuple[SparseEntries, Tensor | None]:
        centred_TD = (x_TD.float() - self.centre_D).detach()
        wanted = self.k * process_group.tokens(x_TD)
        return batch_topk(centred_TD, self.encoder_FD, self.b_enc, wanted, matmul, process_group)

    @torch.no_grad()
    def encode(self, x_TD: Tensor) -> SparseCodes:
        """Codes of these activations as one batch."""
        slots, acts_M = self._slots(x_TD, torch.float32, SINGLE_PROCESS)
        assert acts_M is not None
        return SparseCodes.of(slots, acts_M)

    def exported(self) -> JumpReLUSAE:
        """Not yet calibrated: every threshold is 1."""
        tensors = self.tensors() | {"threshold": torch.ones(self.n_features, device=self.b_enc.device)}
        return JumpReLUSAE(tensors, {"k": self.k, "crosses": self.crosses})

    def training_codes(self, x_TD: Tensor, context: StepContext) -> TrainingCodes:
        slots, exact = self._slots(x_TD, context.encoder_matmul_dtype, context.process_group)
        acts_M = slots.products(x_TD, self.centre_D, self.encoder_FD, self.b_enc, exact).relu()
        return TrainingCodes(acts_M, slots)

    def loss(self, x_TD: Tensor, y_TE: Tensor, context: StepContext) -> LossTerms:
        codes = self.training_codes(x_TD, context)
        left = self.reconstruction(x_TD, y_TE, codes.acts_M, codes.entries, context)
        return self.loss_terms(x_TD, y_TE, left, context)
