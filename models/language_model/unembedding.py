"""How a direction of the residual stream reaches the logits: the final norm's gain, then the output embedding."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Unembedding:
    """The last linear map of a causal language model.

    logits = norm(x) @ W_VD.T;  norm(x) = (x − mean(x) where `centred`) / scale(x) × gain_D + bias

    With the scale taken as given, a direction's direct effect is linear in it: that is `effects`. Gemma 2's cap on the
    logits is monotonic and left out.
    """

    W_VD: Tensor
    """The model's own tensor, in its dtype: not a copy."""
    gain_D: Tensor
    """float32; Gemma's 1 + w is said as the gain that it is."""
    centred: bool
    """Whether the final norm subtracts the mean (LayerNorm) or does not (RMSNorm)."""

    def effects(self, directions_FD: Tensor) -> Tensor:
        """What each direction, added to the final stream, adds to every logit (F, V), in units of 1 / scale(x)."""
        x_FD = directions_FD - directions_FD.mean(dim=-1, keepdim=True) if self.centred else directions_FD
        return (x_FD * self.gain_D).to(self.W_VD.dtype) @ self.W_VD.T


@torch.no_grad()
def unembedding(norm: nn.Module, head: nn.Module) -> Unembedding:
    """Reads the gain off the norm's weight, and finds how it is meant by what the norm does to a probe.

    Raises:
        ValueError: If the norm is neither LayerNorm nor RMSNorm, with its weight or 1 + its weight as gain.
    """
    W_VD, weight = head.weight, getattr(norm, "weight", None)
    assert isinstance(W_VD, Tensor)
    probe_D = 100 * torch.randn(W_VD.shape[1], generator=torch.Generator().manual_seed(0))  # so large that epsilon is 0
    x_D, shifted_D = probe_D.to(W_VD), (probe_D + 100).to(W_VD)
    seen_D, seen_shifted_D = _odd_part(norm, x_D), _odd_part(norm, shifted_D)
    rounding = 16 * torch.finfo(W_VD.dtype).eps * float(seen_D.abs().max())
    centred = torch.allclose(seen_D, seen_shifted_D, rtol=0, atol=rounding)
    wide_D = x_D.float() - (x_D.float().mean() if centred else 0)
    unit_D = wide_D / wide_D.square().mean().sqrt()
    gains = [weight.float(), 1 + weight.float()] if isinstance(weight, Tensor) else [torch.ones_like(unit_D)]
    for gain_D in gains:
        if torch.allclose(unit_D * gain_D, seen_D, rtol=0, atol=rounding):
            return Unembedding(W_VD, gain_D, centred)
    raise ValueError(
        f"{type(norm).__name__} norms the final stream neither as LayerNorm nor as RMSNorm does: direct effects on the "
        "logits are not defined for this model; leave logit effects out for it"
    )


def _odd_part(norm: nn.Module, x_D: Tensor) -> Tensor:
    """The part of the norm's answer that turns with the sign: all but the bias."""
    return (norm(x_D) - norm(-x_D)).float() / 2
