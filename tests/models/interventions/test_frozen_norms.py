"""Frozen norms leave a clean pass as it was and are linear in everything else.

Truth comes from the formulas of LayerNorm and RMSNorm by hand, and from sums of passes.
"""

from typing import Any

import pytest
import torch
from tiny_models import WIDTH, save_tiny
from torch import Tensor

from models.interventions.frozen_norms import frozen_norms
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

KINDS = ("gpt2", "gpt_neox", "llama", "gemma2", "qwen3", "olmo2", "opt", "bert")


@pytest.fixture(scope="module", params=KINDS)
def hooked(request, tmp_path_factory) -> HookedModel:
    return HookedModel.load(str(save_tiny(request.param, tmp_path_factory.mktemp(request.param))), device="cpu")


@pytest.fixture
def token_ids() -> Tensor:
    return torch.randint(5, 200, (2, 12), generator=torch.Generator().manual_seed(2))


def _logits(hooked: HookedModel, token_ids: Tensor) -> Tensor:
    logits = hooked.forward(token_ids)
    assert logits is not None
    return logits


def _last_norm(hooked: HookedModel) -> torch.nn.Module:
    norms = [part for part in hooked.module_map.blocks.modules() if "Norm" in type(part).__name__]
    return hooked.module_map.final_norm or norms[-1]


def _normed(hooked: HookedModel, token_ids: Tensor, step: Tensor) -> Tensor:
    """What the last norm says when it is given a step more."""
    found: list[Any] = []
    norm = _last_norm(hooked)
    handles = [
        norm.register_forward_pre_hook(lambda _, args: (args[0] + step,)),
        norm.register_forward_hook(lambda _, __, y: found.append(y)),
    ]
    _logits(hooked, token_ids)
    for handle in handles:
        handle.remove()
    return found[0]


def test_a_clean_pass_is_as_it_was_and_nothing_stays_behind(hooked, token_ids):
    plain = _logits(hooked, token_ids)
    with frozen_norms(hooked, token_ids):
        torch.testing.assert_close(_logits(hooked, token_ids), plain, rtol=0, atol=2e-6 * float(plain.abs().max()))
    assert torch.equal(_logits(hooked, token_ids), plain)


def test_twice_a_direction_is_twice_its_contribution(hooked, token_ids):
    step = 3 * torch.linspace(-1, 1, WIDTH).square()
    free = [_normed(hooked, token_ids, n * step) for n in range(3)]
    with frozen_norms(hooked, token_ids):
        zero, once, twice = (_normed(hooked, token_ids, n * step) for n in range(3))
    torch.testing.assert_close(twice - zero, 2 * (once - zero), rtol=1e-4, atol=1e-5)
    assert (once - zero).abs().max() > 0.1
    assert ((free[2] - free[0]) - 2 * (free[1] - free[0])).abs().max() > 0.05


def test_the_gradient_through_the_last_norm_is_its_gain_times_the_clean_scale(hooked, token_ids):
    norm = _last_norm(hooked)
    x = torch.empty(0)

    def keep(_: torch.nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
        nonlocal x
        x = args[0].detach().clone().requires_grad_()
        return (x,)

    found: list[Any] = []
    with torch.enable_grad(), frozen_norms(hooked, token_ids):
        handles = [
            norm.register_forward_pre_hook(keep),
            norm.register_forward_hook(lambda *said: found.append(said[2])),
        ]
        _logits(hooked, token_ids)
        for handle in handles:
            handle.remove()
        direction = torch.randn(WIDTH, generator=torch.Generator().manual_seed(1))
        (slope,) = torch.autograd.grad((found[0] * direction).sum(), x)
    weight = norm.weight
    assert isinstance(weight, Tensor)
    gain = weight + 1 if "Gemma" in type(norm).__name__ else weight
    x, by_hand = x.detach(), gain.detach() * direction
    eps = next(value for value in (getattr(norm, key, None) for key in ("eps", "variance_epsilon")) if value)
    if type(norm) is torch.nn.LayerNorm:
        scale = (x.var(-1, keepdim=True, unbiased=False) + eps).rsqrt()
        by_hand = by_hand - by_hand.mean()
    else:
        scale = (x.square().mean(-1, keepdim=True) + eps).rsqrt()
    torch.testing.assert_close(slope, scale * by_hand, rtol=1e-4, atol=1e-5)


def test_the_scales_are_those_of_the_pass_without_edits_that_are_open(hooked, token_ids):
    site, edit = Site("resid_post", 0), (lambda x: x * 3)
    with frozen_norms(hooked, token_ids), hooked.intervene({site: edit}):
        wanted = _logits(hooked, token_ids)
    with hooked.intervene({site: edit}):
        moved = _logits(hooked, token_ids)
        with frozen_norms(hooked, token_ids):
            assert torch.equal(_logits(hooked, token_ids), wanted)
    assert (moved - wanted).abs().max() > 1e-3


def test_tokens_of_another_shape_are_refused(hooked, token_ids):
    with frozen_norms(hooked, token_ids), pytest.raises(ValueError, match="run tokens of the shape that was frozen"):
        hooked.forward(token_ids[:, :5])
