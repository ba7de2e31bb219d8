"""Attention's sites are what attention computes, and an edit of them is what a change of the model would do.

Truth comes from plain torch: hooks on the model's own projections, and products of what was captured.
"""

import pytest
import torch
from attention_hosts import HEADS, OUTPUT, captured, eager_logits, output_projections, prompts
from tiny_models import save_tiny
from torch import Tensor

from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site


@pytest.fixture(scope="module", params=OUTPUT)
def hooked(request, tmp_path_factory) -> HookedModel:
    return HookedModel.load(str(save_tiny(request.param, tmp_path_factory.mktemp(request.param))), device="cpu")


@pytest.fixture
def projections(hooked) -> list[torch.nn.Module]:
    return output_projections(hooked)


@pytest.fixture
def token_ids() -> Tensor:
    return prompts()


def test_capturing_attention_leaves_the_logits_of_eager_attention_bit_for_bit(hooked, token_ids):
    plain, before = hooked.forward(token_ids), hooked.model.config._attn_implementation
    with hooked.capture(hooked.attention_sites, stop_early=False):
        assert torch.equal(hooked.forward(token_ids), eager_logits(hooked, token_ids))
    assert hooked.model.config._attn_implementation == before
    assert torch.equal(hooked.forward(token_ids), plain)


def test_z_is_what_the_output_projection_reads_and_the_pattern_times_the_values(hooked, token_ids, projections):
    entered: list[Tensor] = []
    assert hooked.attention_sites  # proven before the hooks by hand, which would see its passes
    handles = [module.register_forward_pre_hook(lambda _, args: entered.append(args[0])) for module in projections]
    found = captured(hooked, token_ids, "attn_pattern", "v", "z")
    for handle in handles:
        handle.remove()
    for layer, by_hand in enumerate(entered):
        pattern, v, z = (found[Site(kind, layer)] for kind in ("attn_pattern", "v", "z"))
        assert torch.equal(z, by_hand)
        torch.testing.assert_close(pattern.sum(-1), torch.ones(2, HEADS, 12))
        assert pattern.triu(1).eq(0).all()
        width = z.shape[-1] // HEADS
        per_group = HEADS // (v.shape[-1] // width)
        for head in range(HEADS):
            of_head = v[..., head // per_group * width :][..., :width]
            said = torch.einsum("bpk,bkd->bpd", pattern[:, head], of_head)
            torch.testing.assert_close(z[..., head * width : (head + 1) * width], said, rtol=1e-5, atol=1e-6)


def test_a_sites_own_value_in_its_place_changes_nothing_bit_for_bit(hooked, token_ids):
    found = captured(hooked, token_ids, "q", "k", "v", "z")
    with hooked.intervene({site: lambda _, x=x: x for site, x in found.items()}):
        assert torch.equal(hooked.forward(token_ids), eager_logits(hooked, token_ids))


def test_a_capture_that_closes_first_leaves_an_edit_that_is_open_as_it_was(hooked, token_ids):
    plain, before = hooked.forward(token_ids), hooked.model.config._attn_implementation
    edits = {Site("z", 1): torch.zeros_like}
    with hooked.intervene(edits):
        wanted = hooked.forward(token_ids)
    first, second = hooked.capture([Site("q", 0)], stop_early=False), hooked.intervene(edits)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert torch.equal(hooked.forward(token_ids), wanted)
    second.__exit__(None, None, None)
    assert hooked.model.config._attn_implementation == before
    assert torch.equal(hooked.forward(token_ids), plain)
