"""The gradient at a captured site is what a small change of that site does to the metric, at every site of a model.

Truth comes from edits that add a small step in float64, and from autograd by hand with a plain torch hook.
"""

import copy

import pytest
import torch
from tiny_models import save_tiny
from torch import Tensor

from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

KINDS = ("gpt2", "gpt_neox", "llama", "gemma2", "granite", "opt", "falcon", "bert")
WITH_ATTENTION = ("gpt2", "gpt_neox", "llama", "gemma2", "granite", "opt", "bert")


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def hooked(kind, tmp_path_factory) -> HookedModel:
    """In float64, so that a difference of two passes says something."""
    loaded = HookedModel.load(str(save_tiny(kind, tmp_path_factory.mktemp(kind))), device="cpu")
    double = HookedModel(copy.deepcopy(loaded.model).double(), loaded.tokenizer, loaded.is_causal, "", "", "")
    double.prove()
    return double


@pytest.fixture
def token_ids() -> Tensor:
    return torch.randint(5, 200, (2, 7), generator=torch.Generator().manual_seed(5))


def _metric(hooked: HookedModel, token_ids: Tensor) -> Tensor:
    logits = hooked.forward(token_ids)
    assert logits is not None
    return logits[:, -1].log_softmax(-1)[:, 7].sum()


def _gradients(hooked: HookedModel, token_ids: Tensor, sites: list[Site]) -> dict[Site, Tensor]:
    with torch.enable_grad(), hooked.capture(sites, stop_early=False, detach=False) as found:
        metric = _metric(hooked, token_ids)
    return dict(zip(sites, torch.autograd.grad(metric, [found[site] for site in sites]), strict=True))


def _difference(hooked: HookedModel, token_ids: Tensor, site: Site, ahead: Tensor) -> Tensor:
    metrics = []
    for step in (2e-4, -2e-4):
        with torch.no_grad(), hooked.intervene({site: lambda x, step=step: x + step * ahead}):
            metrics.append(_metric(hooked, token_ids))
    return (metrics[0] - metrics[1]) / 4e-4


def _agrees(hooked: HookedModel, token_ids: Tensor, site: Site, slope: Tensor) -> bool:
    """Along a random direction in which nothing cancels; models may norm and attend in float32 whatever they hold."""
    size = torch.rand(slope.shape, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    ahead = torch.where(slope < 0, -size, size)
    wanted = _difference(hooked, token_ids, site, ahead)
    return torch.allclose((slope * ahead).sum(), wanted, rtol=2e-3, atol=1e-6)


def test_gradients_of_all_sites_at_once_are_finite_differences(hooked, token_ids):
    slopes = _gradients(hooked, token_ids, hooked.sites)
    assert [site for site, slope in slopes.items() if not _agrees(hooked, token_ids, site, slope)] == []
    assert all(slope.abs().max() > 0 for slope in slopes.values())


def test_the_gradient_of_one_site_alone_is_a_finite_difference(hooked, token_ids):
    slopes = {site: _gradients(hooked, token_ids, [site])[site] for site in hooked.sites}
    assert [site for site, slope in slopes.items() if not _agrees(hooked, token_ids, site, slope)] == []


def test_gradients_of_attention_sites_are_finite_differences(hooked, kind, token_ids):
    assert bool(hooked.attention_sites) == (kind in WITH_ATTENTION)
    for sites in ([site] for site in hooked.attention_sites):
        for site, slope in _gradients(hooked, token_ids, sites).items():
            assert _agrees(hooked, token_ids, site, slope), site


@pytest.mark.parametrize("kind", WITH_ATTENTION, indirect=True)
def test_the_gradient_of_a_pattern_is_that_of_autograd_by_hand(hooked, token_ids):
    """z = pattern · v: what is wanted of the pattern follows from the gradient at z, which a hook of torch gives."""
    sites = [Site("attn_pattern", 1), Site("z", 1), Site("v", 1)]
    with torch.enable_grad(), hooked.capture(sites, stop_early=False, detach=False) as found:
        metric = _metric(hooked, token_ids)
    pattern, z, v = (found[site] for site in sites)
    at_pattern, at_z = torch.autograd.grad(metric, [pattern, z])
    width = z.shape[-1] // pattern.shape[1]
    per_group = z.shape[-1] // v.shape[-1]
    v_heads = v.detach().unflatten(-1, (-1, width)).repeat_interleave(per_group, dim=2)
    by_hand = torch.einsum("bphd,bkhd->bhpk", at_z.unflatten(-1, (-1, width)), v_heads)
    torch.testing.assert_close(at_pattern, by_hand)


def test_a_capture_that_wants_gradients_leaves_the_logits_as_they_were(hooked, token_ids):
    plain = hooked.forward(token_ids)
    with torch.enable_grad(), hooked.capture(hooked.sites, stop_early=False, detach=False):
        assert torch.equal(hooked.forward(token_ids), plain)


def test_an_edit_that_adds_nothing_has_the_gradient_of_the_site(hooked, token_ids):
    sites = [site for site in hooked.sites if site.kind != "logits"]
    for site, slope in _gradients(hooked, token_ids, sites).items():
        step = torch.zeros_like(slope).requires_grad_()
        with torch.enable_grad(), hooked.intervene({site: lambda x, step=step: x + step}):
            (found,) = torch.autograd.grad(_metric(hooked, token_ids), step)
        torch.testing.assert_close(found, slope, msg=str(site))


def test_what_an_edit_returns_is_not_written_into(hooked, token_ids):
    """Falcon writes into what its MLP returns."""
    with hooked.capture(hooked.sites, stop_early=False) as found:
        hooked.forward(token_ids)
    recorded = {site: x.clone() for site, x in found.items()}
    with hooked.intervene({site: lambda _, x=x: x for site, x in recorded.items()}):
        hooked.forward(token_ids)
    assert all(torch.equal(x, found[site]) for site, x in recorded.items())
