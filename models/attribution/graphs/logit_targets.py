"""The tokens that a model would most likely say next, and the direction of the stream that makes each of them likely.

D width of the stream, V vocabulary, K chosen tokens.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.language_model.hooked_model import HookedModel
from models.language_model.stream_readout import StreamReadout


@dataclass(frozen=True)
class LogitTargets:
    """The smallest set of tokens whose probabilities reach a sum, the likeliest first."""

    token_K: Tensor
    probability_K: Tensor
    direction_KD: Tensor
    """What the final norm reads, times this, is the token's logit less the vocabulary's average, but for a constant."""

    @classmethod
    @torch.no_grad()
    def of(
        cls, host: HookedModel, final_D: Tensor, logits_V: Tensor, mass: float = 0.95, most: int = 10
    ) -> "LogitTargets":
        """The targets of a position; the scale of the final norm is that of its stream.

        Raises:
            ValueError: If the model has no logits of a next token behind a final norm.
        """
        readout, unembedding = StreamReadout.of(host), host.unembedding()
        assert unembedding is not None, "a model that has a readout has a norm and an output embedding"
        probability_V = torch.softmax(logits_V.double(), dim=-1)
        top_K, token_K = probability_V.topk(min(most, len(probability_V)))
        n = min(int((top_K.cumsum(0) < mass).sum()) + 1, len(top_K))
        token_K, gain_D = token_K[:n], unembedding.gain_D.to(final_D)
        unscaled_D = (final_D - final_D.mean() if unembedding.centred else final_D) * gain_D
        bias = getattr(readout.norm, "bias", None)
        normed_D = readout.norm(final_D) - (0 if bias is None else bias)
        scale = (normed_D @ unscaled_D) / (unscaled_D @ unscaled_D)
        W_VD = unembedding.W_VD
        direction_KD = (W_VD[token_K] - W_VD.mean(dim=0)).to(final_D) * gain_D * (scale * readout.scale)
        if unembedding.centred:
            direction_KD = direction_KD - direction_KD.mean(dim=-1, keepdim=True)
        return cls(token_K.cpu(), top_K[:n].cpu(), direction_KD)
