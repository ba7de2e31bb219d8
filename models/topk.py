"""TopK autoencoder (Gao et al. 2024, arXiv:2406.04093): exactly k features a token.

Axes: T tokens, D width, F features, K features kept per token.
"""

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from models.codes import Codes
from models.dead import revival_loss, spread
from models.dictionary import Dictionary, Moment, Outcome
from models.scaling import Scaling
from models.selection import select
from models.settings import SAESettings
from models.sparse import Slots, combine, products


class TopKSAE(Dictionary):
    """Codes each activation as at most k directions of a learned dictionary.

    codes = topk((x - b_dec) @ W_enc + b_enc), negatives cut to 0;  x_hat = codes @ W_dec + b_dec;  |W_dec rows| = 1

    Codes stay sparse (k values and k indices per token): the decoder is a gather, its cost does not depend on the
    number of features. The encoder is kept as rows, `encoder_FD = W_enc.T`, for the same reason: its gradient is sparse
    as well.
    """

    architecture = "topk"

    def __init__(self, encoder_FD: Tensor, W_dec: Tensor, b_enc: Tensor, b_dec: Tensor, k: int) -> None:
        super().__init__()
        self.n_features, self.d_in = W_dec.shape
        self.k = k
        self.encoder_FD = nn.Parameter(encoder_FD)
        self.W_dec = nn.Parameter(W_dec)
        self.b_enc = nn.Parameter(b_enc)
        self.b_dec = nn.Parameter(b_dec)

    @classmethod
    def build(cls, settings: SAESettings, d_in: int, chance: torch.Generator) -> Self:
        """Random unit directions, the encoder their transpose, no biases."""
        n_features = settings.width(d_in)
        rows_FD = torch.nn.functional.normalize(torch.randn(n_features, d_in, generator=chance), dim=1)
        return cls(rows_FD.clone(), rows_FD, torch.zeros(n_features), torch.zeros(d_in), settings.k)

    @property
    def W_enc(self) -> Tensor:
        return self.encoder_FD.T

    def _centred(self, x_TD: Tensor) -> Tensor:
        return x_TD.float() - self.b_dec

    @torch.no_grad()
    def encode(self, x_TD: Tensor) -> Codes:
        acts_TK, features_TK = select(self._centred(x_TD), self.encoder_FD, self.b_enc, self.k)
        return Codes(acts_TK.relu_(), features_TK, self.n_features)

    def decode(self, codes: Codes) -> Tensor:
        return combine(codes.acts_TK, self.W_dec, Slots(codes.features_TK, self.n_features)) + self.b_dec

    def loss(self, x_TD: Tensor, moment: Moment) -> Outcome:
        """Squared error over the batch's spread, and the same of the dead features' guess at the error."""
        centred_TD = self._centred(x_TD).detach()
        pre_TK, features_TK = select(centred_TD, self.encoder_FD, self.b_enc, self.k, moment.matmul)
        slots, exact = Slots(features_TK, self.n_features), pre_TK if moment.matmul == torch.float32 else None
        acts_TK = products(x_TD, self.b_dec, self.encoder_FD, self.b_enc, slots, exact).relu()
        error_TD = x_TD - self.b_dec - combine(acts_TK, self.W_dec, slots)
        aux_loss = revival_loss(centred_TD, error_TD, moment.dead_F, self.encoder_FD, self.b_enc, self.W_dec)
        loss = error_TD.square().sum() / spread(x_TD) + moment.aux_coefficient * aux_loss
        codes = Codes(acts_TK.detach(), features_TK, self.n_features)
        return Outcome(loss, aux_loss.detach(), error_TD.detach(), codes)

    def before_step(self) -> None:
        self.project_decoder_gradient()

    def after_step(self) -> None:
        self.unit_decoder()

    @torch.no_grad()
    def folded(self, scaling: Scaling) -> Self:
        mean_D = scaling.mean_D.to(self.b_dec)
        return type(self)(
            self.encoder_FD.clone(),
            self.W_dec.clone(),
            self.b_enc / scaling.scale,
            self.b_dec / scaling.scale + mean_D,
            self.k,
        )

    def config(self) -> dict[str, Any]:
        return {"k": self.k, "rescale_acts_by_decoder_norm": False}

    def tensors(self) -> dict[str, Tensor]:
        return {"W_enc": self.W_enc, "W_dec": self.W_dec, "b_enc": self.b_enc, "b_dec": self.b_dec}

    @classmethod
    def shapes(cls, d_in: int, n_features: int) -> dict[str, tuple[int, ...]]:
        return {"W_enc": (d_in, n_features), "W_dec": (n_features, d_in), "b_enc": (n_features,), "b_dec": (d_in,)}

    @classmethod
    def restored(cls, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:
        """Decoder norms that rescaled the activations are folded into the weights."""
        encoder_FD, W_dec, b_enc = tensors["W_enc"].T.contiguous(), tensors["W_dec"], tensors["b_enc"]
        if config.get("rescale_acts_by_decoder_norm", False):
            norm_F = torch.linalg.vector_norm(W_dec, dim=1)
            encoder_FD, W_dec, b_enc = encoder_FD * norm_F[:, None], W_dec / norm_F[:, None], b_enc * norm_F
        return cls(encoder_FD, W_dec, b_enc, tensors["b_dec"], int(config["k"]))
