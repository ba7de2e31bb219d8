"""Norms that keep the scales of another pass, so that what goes through them goes through a linear map.

A norm is norm(x) = c(x) · scale(x) · gain + bias, c(x) = x or x − mean(x). With its scale that of a clean pass, twice a
direction is twice its contribution, and the gradient through the norm is gain · scale: what direct attribution and
attribution graphs take for granted (Ameisen et al. 2025, Circuit Tracing).
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from models.language_model.hooked_model import HookedModel
from models.language_model.hooks import entering
from models.language_model.unembedding import norm_gain, norm_rounding


@contextmanager
def frozen_norms(hooked: HookedModel, token_ids_BP: Tensor, attention_mask: Tensor | None = None) -> Iterator[None]:
    """Replays, in every pass within the block, the scale that every norm has for these tokens without any edit.

    A pass must have as many rows and positions as these tokens: use `forward`, not `generate` with a cache. An edit of
    what leaves a norm is made after it where the edit was opened before this block.

    Raises:
        ValueError: If a norm is neither LayerNorm nor RMSNorm, or a pass has another shape.
    """
    passed = clean_passed(hooked, token_ids_BP, attention_mask)
    with hooked.passes.undisturbed():  # the gain is found by calls of the norm, which edits are not shown
        frozen = [FrozenNorm.of(norm, calls) for norm, calls in passed.items()]
    with ExitStack() as hooks:
        for each in frozen:
            hooks.callback(hooked.model.register_forward_pre_hook(each.rewind).remove)
            hooks.callback(each.norm.register_forward_hook(each.replay, with_kwargs=True, prepend=True).remove)
        yield


Passed = list[tuple[Tensor, Tensor]]
"""What entered a norm and what left it, call by call."""


@torch.no_grad()
def clean_passed(
    hooked: HookedModel, token_ids_BP: Tensor, attention_mask: Tensor | None = None
) -> dict[nn.Module, Passed]:
    """What every norm of the model is given for these tokens, and what it makes of it."""
    norms = [part for part in hooked.model.modules() if _is_norm(part)]
    passed: dict[nn.Module, Passed] = {norm: [] for norm in norms}

    def record(norm: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> None:
        passed[norm].append((entering(args, kwargs).detach().clone(), y.detach().clone()))

    with hooked.passes.undisturbed(), ExitStack() as hooks:
        for norm in norms:
            hooks.callback(norm.register_forward_hook(record, with_kwargs=True, prepend=True).remove)
        ids = token_ids_BP.to(hooked.device)
        mask = torch.ones_like(ids) if attention_mask is None else attention_mask.to(hooked.device)
        hooked.model(input_ids=ids, attention_mask=mask, **({"use_cache": False} if hooked.is_causal else {}))
    return {norm: calls for norm, calls in passed.items() if calls}


def _is_norm(part: nn.Module) -> bool:
    return "Norm" in type(part).__name__ and not any(part.children())


@dataclass(eq=False)
class FrozenNorm:
    """One norm: the parts that never change, and its scales in the order of its calls within a pass."""

    norm: nn.Module
    gain_D: Tensor
    centred: bool
    scales: list[Tensor] = field(default_factory=list)
    n_calls: int = 0

    @classmethod
    def of(cls, norm: nn.Module, passed: Passed) -> "FrozenNorm":
        frozen = cls(norm, *norm_gain(norm, passed[0][0].flatten(0, -2)[0]))
        frozen.scales = [frozen.scale(x, y) for x, y in passed]
        return frozen

    def scale(self, x: Tensor, y: Tensor) -> Tensor:
        """What the norm multiplied by, position by position."""
        one, bias = self.unscaled(x)
        said = y.to(one) - bias
        scale = ((said * one).sum(-1, keepdim=True) / one.square().sum(-1, keepdim=True)).nan_to_num(0, 0, 0)
        rounding = 32 * norm_rounding(y.dtype) * float(y.abs().nan_to_num(0, 0, 0).max())
        if not torch.allclose(one * scale, said, rtol=0, atol=rounding):
            raise ValueError(f"{type(self.norm).__name__} is no multiple of what it norms: its scale cannot be frozen")
        return scale

    def unscaled(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the norm would say with a scale of 1, less its bias, and its bias; in float32 or wider."""
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        wide = wide - wide.mean(-1, keepdim=True) if self.centred else wide
        bias = getattr(self.norm, "bias", None)
        return wide * self.gain_D.to(wide), bias.to(wide) if isinstance(bias, Tensor) else wide.new_zeros(())

    def rewind(self, *_: Any) -> None:
        self.n_calls = 0

    def replay(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> Tensor:
        x, scale = entering(args, kwargs), self.scales[min(self.n_calls, len(self.scales) - 1)]
        if x.shape[:-1] != scale.shape[:-1]:
            raise ValueError(
                f"norms are frozen for {tuple(scale.shape[:-1])} vectors and this pass norms {tuple(x.shape[:-1])}: "
                "run tokens of the shape that was frozen, without a cache"
            )
        self.n_calls += 1
        one, bias = self.unscaled(x)
        return (one * scale + bias).to(y.dtype)
