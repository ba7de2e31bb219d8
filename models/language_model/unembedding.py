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
    """float32 or wider; Gemma's 1 + w is said as the gain that it is."""
    centred: bool
    """Whether the final norm subtracts the mean (LayerNorm) or does not (RMSNorm)."""

    def effects(self, directions_FD: Tensor) -> Tensor:
        """What each direction, added to the final stream, adds to every logit (F, V), in units of 1 / scale(x)."""
        x_FD = directions_FD - directions_FD.mean(dim=-1, keepdim=True) if self.centred else directions_FD
        return (x_FD * self.gain_D).to(self.W_VD.dtype) @ self.W_VD.T


def unembedding(norm: nn.Module, head: nn.Module) -> Unembedding:
    """Reads the gain off the final norm.

    Raises:
        ValueError: As `norm_gain` does.
    """
    W_VD = head.weight
    assert isinstance(W_VD, Tensor)
    try:
        return Unembedding(W_VD, *norm_gain(norm, W_VD[0]))
    except ValueError as error:
        raise ValueError(
            f"{error}: direct effects on the logits are not defined for this model; leave logit effects out for it"
        ) from error


@torch.no_grad()
def norm_gain(norm: nn.Module, like_D: Tensor) -> tuple[Tensor, bool]:
    """The gain, and whether the norm is centred; how its weight is meant is found by a probe. In float32 or wider.

    Args:
        norm: The norm.
        like_D: A tensor of the width, dtype and device of what is normed.

    Raises:
        ValueError: If the norm is neither LayerNorm nor RMSNorm, with its weight or 1 + its weight as gain.
    """
    weight = getattr(norm, "weight", None)
    probe_D = 100 * torch.randn(len(like_D), generator=torch.Generator().manual_seed(0))  # so large that epsilon is 0
    x_D, shifted_D = probe_D.to(like_D), (probe_D + 100).to(like_D)
    seen_D, seen_shifted_D = _odd_part(norm, x_D), _odd_part(norm, shifted_D)
    rounding = 16 * norm_rounding(like_D.dtype) * float(seen_D.abs().max())
    centred = torch.allclose(seen_D, seen_shifted_D, rtol=0, atol=rounding)
    wide_D = _wide(x_D) - (_wide(x_D).mean() if centred else 0)
    unit_D = wide_D / wide_D.square().mean().sqrt()
    gains = [_wide(weight), 1 + _wide(weight)] if isinstance(weight, Tensor) else [torch.ones_like(unit_D)]
    for gain_D in gains:
        if torch.allclose(unit_D * gain_D, seen_D, rtol=0, atol=rounding):
            return gain_D, centred
    raise ValueError(f"{type(norm).__name__} norms neither as LayerNorm nor as RMSNorm does")


def norm_rounding(dtype: torch.dtype) -> float:
    """How exactly a norm computes: transformers' RMSNorms in float32, whatever they are given."""
    return max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps)


def _odd_part(norm: nn.Module, x_D: Tensor) -> Tensor:
    """The part of the norm's answer that turns with the sign: all but the bias."""
    return _wide(norm(x_D) - norm(-x_D)) / 2


def _wide(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))
