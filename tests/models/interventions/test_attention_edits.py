"""An edit of attention does what a change of the model would do.

Truth comes from plain torch: hooks on the model's own projections, and passes without the edit.
"""

import pytest
import torch
from attention_hosts import HEADS, OUTPUT, captured, eager_logits, output_projections, prompts
from tiny_models import save_tiny
from torch import Tensor

from models.interventions.attention_edits import ablate_heads, freeze, replay
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


def test_a_pattern_is_replayed_and_a_changed_one_moves_the_values(hooked, token_ids):
    other = token_ids.flip(1)
    pattern = captured(hooked, other, "attn_pattern")
    with hooked.intervene({site: replay(x) for site, x in pattern.items()}):
        found = captured(hooked, token_ids, "attn_pattern", "z")
        moved = hooked.forward(token_ids)
    assert all(torch.equal(found[site], x) for site, x in pattern.items())
    assert (moved - hooked.forward(token_ids)).abs().max() > 1e-3
    first_only = torch.zeros(2, HEADS, 12, 12)
    first_only[..., 0] = 1
    with hooked.intervene({Site("attn_pattern", 0): replay(first_only)}):
        found = captured(hooked, token_ids, "z")
    z = found[Site("z", 0)]
    assert torch.equal(z, z[:, :1].expand_as(z))


def test_an_ablated_head_is_a_projection_without_its_inputs(hooked, token_ids, projections):
    def silence(_: torch.nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        z = args[0].clone()
        z[..., z.shape[-1] // HEADS : 2 * z.shape[-1] // HEADS] = 0
        return (z,)

    handle = projections[1].register_forward_pre_hook(silence)
    by_hand = eager_logits(hooked, token_ids)
    handle.remove()
    with hooked.intervene({Site("z", 1): ablate_heads([1], HEADS)}):
        assert torch.equal(hooked.forward(token_ids), by_hand)


def test_heads_that_say_their_average_are_a_projection_that_reads_the_average(hooked, token_ids, projections):
    mean = torch.randn(projections[1].weight.shape[0], generator=torch.Generator().manual_seed(3))
    width = len(mean) // HEADS

    def average(_: torch.nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        z = args[0].clone()
        for head in (0, 3):
            z[..., head * width : (head + 1) * width] = mean[head * width : (head + 1) * width]
        return (z,)

    handle = projections[1].register_forward_pre_hook(average)
    by_hand = eager_logits(hooked, token_ids)
    handle.remove()
    with hooked.intervene({Site("z", 1): ablate_heads([0, 3], HEADS, mean)}):
        assert torch.equal(hooked.forward(token_ids), by_hand)


@pytest.mark.parametrize("head", [-1, 4])
def test_a_head_that_a_block_does_not_have_is_refused(head):
    with pytest.raises(ValueError, match=f"head {head} of 4: name heads from 0 to 3"):
        ablate_heads([1, head], 4)


def test_no_gradient_flows_through_a_frozen_pattern(hooked, token_ids):
    def slope(edits) -> tuple[Tensor, ...]:
        sites = [Site("q", 1), Site("v", 1)]
        with (
            torch.enable_grad(),
            hooked.intervene(edits),
            hooked.capture(sites, stop_early=False, detach=False) as found,
        ):
            metric = hooked.forward(token_ids)[:, -1].log_softmax(-1)[:, 7].sum()
        return torch.autograd.grad(metric, [found[site] for site in sites], allow_unused=True)

    (q_free, v_free), (q_frozen, v_frozen) = slope({}), slope({Site("attn_pattern", 1): freeze})
    assert q_free.abs().max() > 0
    assert q_frozen is None or q_frozen.eq(0).all()
    torch.testing.assert_close(v_frozen, v_free, rtol=1e-4, atol=1e-6)
