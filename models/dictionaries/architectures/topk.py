"""TopK autoencoder (Gao et al. 2024, arXiv:2406.04093): exactly k features a token.

Axes: T tokens, D width, E width that is written, F features, K features kept per token.
"""

import torch
from torch import Tensor

from models.dictionaries.base import FeatureReader, LossTerms, SparseDictionary, StepContext
from models.sparse.codes import SparseCodes
from models.sparse.sparse_ops import SparseEntries
from models.sparse.topk_membership import among_largest
from models.sparse.topk_select import topk_preactivations


class TopKSAE(SparseDictionary):
    """Codes each activation as at most k directions of a learned dictionary.

    codes = topk((x - b_dec) @ W_enc + b_enc), negatives cut to 0;  x_hat = codes @ W_dec + b_dec;  |W_dec rows| = 1

    loss = |x - x_hat|^2 / |x - mean x|^2 + aux / 32 (see models/dictionaries/auxk_loss.py)

    Codes stay sparse (k values and k indices per token): the decoder is a gather, its cost does not depend on the
    number of features, and neither does that of the gradients.
    """

    architecture = "topk"

    @torch.no_grad()
    def encode(self, x_TD: Tensor) -> SparseCodes:
        acts_TK, features_TK = topk_preactivations(x_TD.float() - self.centre_D, self.encoder_FD, self.b_enc, self.k)
        return SparseCodes(acts_TK.relu_(), features_TK, self.n_features)

    def feature_activations(self, features_M: Tensor) -> FeatureReader:
        products = self.feature_products(features_M, self.b_enc)
        encoder_FD, b_enc_F, centre_D = (each.detach() for each in (self.encoder_FD, self.b_enc, self.centre_D))

        def read(x_MTD: Tensor) -> Tensor:
            pre_MT = products(x_MTD)
            row_N, token_N = (pre_MT > 0).nonzero(as_tuple=True)
            acts_MT = torch.zeros_like(pre_MT)
            if len(row_N):
                pre_N, x_ND = pre_MT[row_N, token_N], x_MTD[row_N, token_N].float() - centre_D
                is_kept_N = among_largest(pre_N, x_ND, features_M[row_N], encoder_FD, b_enc_F, self.k)
                acts_MT[row_N, token_N] = pre_N * is_kept_N
            return acts_MT

        return read

    def loss(self, x_TD: Tensor, y_TE: Tensor, context: StepContext) -> LossTerms:
        centred_TD = (x_TD - self.centre_D).detach()
        k = min(self.k, self.n_features)
        pre_TK, features_TK = topk_preactivations(
            centred_TD, self.encoder_FD, self.b_enc, k, context.encoder_matmul_dtype
        )
        slots, pre_M = context.process_group.strongest(SparseEntries.of(features_TK, self.n_features), pre_TK, self.k)
        acts_M = slots.products(x_TD, self.centre_D, self.encoder_FD, self.b_enc, context.exact(pre_M)).relu()
        return self.loss_terms(x_TD, y_TE, self.reconstruction(x_TD, y_TE, acts_M, slots, context), context)
