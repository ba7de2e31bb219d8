"""A feature of a model's dictionary as the target of inputs that are made for it.

Axes: C candidates, P positions of the input, D width, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.corpora.text_tokens import text_token_ids
from models.dictionaries.base import SparseDictionary
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

TOGETHER = 256
"""Sequences of a pass."""
EMBEDDED = Site("embed")


@dataclass(frozen=True)
class FeatureInputTarget:
    """Reads inputs as the statistics read texts: behind the model's special tokens."""

    host: HookedModel
    sae: SparseDictionary
    site: Site
    feature: int
    prefix: tuple[int, ...]

    @property
    def allowed_V(self) -> Tensor:
        """Tokens with a text of their own: no special ones, none that the tokenizer does not use."""
        tokenizer = self.host.tokenizer
        allowed_V = torch.zeros(self.host.vocab_size, dtype=torch.bool)
        allowed_V[: len(tokenizer)] = True
        special = [token for token in tokenizer.all_special_ids if token < len(allowed_V)]
        allowed_V[special] = False
        return allowed_V

    def survives(self, ids_CP: Tensor) -> Tensor:
        texts = self.host.tokenizer.batch_decode(ids_CP.tolist())
        again = text_token_ids(self.host.tokenizer, texts) if texts else []
        return torch.tensor([list(a) == list(b) for a, b in zip(again, ids_CP.tolist(), strict=True)], dtype=torch.bool)

    def values(self, ids_CP: Tensor) -> tuple[Tensor, Tensor]:
        parts = [self._read(some_CP) for some_CP in ids_CP.split(TOGETHER)]
        value_C, surprise_C = (torch.cat(column) for column in zip(*parts, strict=True))
        return value_C, surprise_C

    @torch.no_grad()
    def _read(self, ids_CP: Tensor) -> tuple[Tensor, Tensor]:
        x_CD, logits_CPV = self._forward(ids_CP)
        value_C = self._pre_activation(x_CD)
        return value_C.cpu(), self._surprise(logits_CPV, ids_CP).mean(1).cpu()

    def slopes(self, ids_MP: Tensor, penalty_M: Tensor) -> Tensor:
        leaf: list[Tensor] = []

        def opened(x_MPD: Tensor) -> Tensor:
            leaf.append(x_MPD.detach().requires_grad_())
            return leaf[0]

        with torch.enable_grad(), self.host.intervene({EMBEDDED: opened}):
            x_MD, logits_MPV = self._forward(ids_MP)
            surprise_MP = self._surprise(logits_MPV, ids_MP)
            cost_M = penalty_M.to(surprise_MP) * surprise_MP.mean(1)
            [grad_MPD] = torch.autograd.grad((self._pre_activation(x_MD) - cost_M).sum(), leaf)
        rows_VD = self.host.module_map.embedding.weight.detach().float()
        slope_MPV = (grad_MPD[:, len(self.prefix) :].float() @ rows_VD.T).cpu()
        # A token is also what the model is asked to expect.
        log_MPV = logits_MPV.detach().float().log_softmax(-1).cpu()
        weight_M11 = penalty_M[:, None, None] / surprise_MP.shape[1]
        first = ids_MP.shape[1] - surprise_MP.shape[1]
        start = len(self.prefix) + first - 1
        slope_MPV[:, first:] += weight_M11 * log_MPV[:, start : start + surprise_MP.shape[1]]
        return slope_MPV

    @torch.no_grad()
    def activation(self, ids: tuple[int, ...]) -> float:
        """What the dictionary's own code is at the last position: a top-k choice may cut it to 0."""
        x_1D, _ = self._forward(torch.tensor([ids]))
        codes = self.sae.encode(x_1D.float())
        return float(codes.dense()[0, self.feature])

    def _forward(self, ids_CP: Tensor) -> tuple[Tensor, Tensor]:
        """The site's value at the last position, and logits at all."""
        whole_CP = torch.cat([torch.tensor([self.prefix] * len(ids_CP), dtype=torch.int64), ids_CP], dim=1)
        with self.host.capture([self.site], stop_early=False, detach=False) as found:
            logits_CPV = self.host.forward(whole_CP)
        assert logits_CPV is not None, "checked: the model predicts next tokens"
        return found[self.site][:, -1], logits_CPV

    def _pre_activation(self, x_CD: Tensor) -> Tensor:
        row_D = self.sae.encoder_FD.detach()[self.feature].to(x_CD.device)
        bias = self.sae.dead_bias_F.detach()[self.feature].to(x_CD.device)
        return (x_CD.float() - self.sae.centre_D.detach().to(x_CD.device)) @ row_D + bias

    def _surprise(self, logits_CPV: Tensor, ids_CP: Tensor) -> Tensor:
        """Of each token given those before it; of the first too where special tokens stand before it."""
        n = len(self.prefix)
        log_CPV = logits_CPV.float().log_softmax(-1)
        asked_CP = ids_CP.to(log_CPV.device)[:, 0 if n else 1 :]
        if not asked_CP.shape[1]:
            return log_CPV.new_zeros(len(ids_CP), 1)
        start = n - 1 if n else 0
        said_CPV = log_CPV[:, start : start + asked_CP.shape[1]]
        return -said_CPV.gather(2, asked_CP[:, :, None])[:, :, 0]
