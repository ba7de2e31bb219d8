"""Edits at many sites, at some positions, of a prompt or of what is generated; gradients; one pass at a time.

Truth comes from loops without a cache, from plain torch hooks, and from autograd by hand.
"""

import pytest
import torch
from tiny_models import WIDTH, save_tiny
from torch import Tensor

from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

KINDS = ("gpt2", "llama", "gpt_neox", "gemma2", "qwen3")
STEP = 3 * torch.linspace(-1, 1, WIDTH)
GREEDY = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}


@pytest.fixture(scope="module", params=KINDS)
def hooked(request, tmp_path_factory) -> HookedModel:
    return HookedModel.load(str(save_tiny(request.param, tmp_path_factory.mktemp(request.param))), device="cpu")


@pytest.fixture
def token_ids() -> Tensor:
    return torch.randint(5, 200, (2, 12), generator=torch.Generator().manual_seed(2))


def _add(x: Tensor) -> Tensor:
    return x + STEP


def test_many_edits_in_one_block_are_the_same_edits_one_inside_the_other(hooked, token_ids):
    first, second = Site("attn_out", 0), Site("mlp_out", 1)
    with hooked.intervene({first: _add, second: torch.zeros_like}):
        together = hooked.forward(token_ids)
    with hooked.intervene({first: _add}), hooked.intervene({second: torch.zeros_like}):
        assert torch.equal(hooked.forward(token_ids), together)


def test_positions_limit_an_edit_and_negative_ones_are_counted_from_the_end(hooked, token_ids):
    site = Site("resid_post", 0)
    with hooked.capture([site]) as plain:
        hooked.forward(token_ids)
    with hooked.intervene({site: _add}, positions=[2, -1]), hooked.capture([site]) as found:
        hooked.forward(token_ids)
    wanted = plain[site].clone()
    wanted[:, [2, 11]] += STEP
    assert torch.equal(found[site], wanted)


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("tokens", ["prompt", "generated", "all"])
@pytest.mark.parametrize("kind", ["resid_post", "z"])
def test_an_edit_of_part_of_the_text_is_a_loop_without_cache_that_edits_that_part(hooked, tokens, use_cache, kind):
    prompt = torch.randint(5, 200, (1, 6), generator=torch.Generator().manual_seed(4))
    site = Site(kind, 1)
    with hooked.intervene({site: _add}, tokens=tokens):
        text = hooked.generate(prompt, use_cache=use_cache, **GREEDY)
    ids = prompt
    for _ in range(8):
        n = ids.shape[1]
        chosen = {"prompt": range(6), "generated": range(6, n), "all": range(n)}[tokens]

        def by_hand(x: Tensor, chosen=chosen) -> Tensor:
            for position in chosen:
                x[:, position] += STEP
            return x

        with hooked.intervene({site: by_hand}):
            ids = torch.cat([ids, hooked.forward(ids)[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(text, ids)


def test_a_named_position_is_edited_once_under_a_cache(hooked):
    prompt = torch.randint(5, 200, (1, 6), generator=torch.Generator().manual_seed(4))
    widths: list[int] = []

    def count(x: Tensor) -> Tensor:
        widths.append(x.shape[1])
        return x

    with hooked.intervene({Site("resid_post", 1): count}, positions=[8]):
        hooked.generate(prompt, use_cache=True, **GREEDY)
    assert widths == [1]


def test_gradients_of_captured_sites_are_those_of_autograd_by_hand(hooked, token_ids):
    sites = [Site("resid_post", 0), Site("mlp_out", 1), Site("final_norm_in")]
    with torch.enable_grad(), hooked.capture(sites, stop_early=False, detach=False) as found:
        metric = hooked.forward(token_ids)[0, -1].log_softmax(-1)[7]
    slopes = torch.autograd.grad(metric, [found[site] for site in sites])
    leaves = [found[site].detach().clone().requires_grad_() for site in sites]
    block = hooked.module_map.blocks[0]
    handle = block.register_forward_hook(lambda *_: leaves[0])
    with torch.enable_grad():
        logits = hooked.model(input_ids=token_ids, attention_mask=torch.ones_like(token_ids), use_cache=False).logits
        (by_hand,) = torch.autograd.grad(logits[0, -1].log_softmax(-1)[7], leaves[0])
    handle.remove()
    assert torch.equal(slopes[0], by_hand)
    with torch.enable_grad():
        tail = hooked.module_map.final_norm(leaves[2])
        head = hooked.model.get_output_embeddings()(tail)
        cap = getattr(hooked.model.config, "final_logit_softcapping", None)
        head = head if cap is None else torch.tanh(head / cap) * cap
        (by_hand,) = torch.autograd.grad(head[0, -1].log_softmax(-1)[7], leaves[2])
    torch.testing.assert_close(slopes[2], by_hand, rtol=1e-5, atol=1e-7)
    assert slopes[1].abs().max() > 0


def test_logits_are_the_models_and_an_edit_of_them_is_what_it_says(hooked, token_ids):
    plain = hooked.model(input_ids=token_ids, attention_mask=torch.ones_like(token_ids)).logits
    with hooked.capture([Site("logits")], stop_early=False) as found:
        hooked.forward(token_ids)
    assert torch.equal(found[Site("logits")], plain)
    with hooked.intervene({Site("logits"): lambda x: x * 2}):
        assert torch.equal(hooked.forward(token_ids), plain * 2)


def test_a_second_pass_at_once_is_refused_with_the_way_out(hooked, token_ids):
    def again(x: Tensor) -> Tensor:
        hooked.forward(token_ids)
        return x

    with hooked.intervene({Site("resid_post", 1): again}), pytest.raises(RuntimeError, match="load the model twice"):
        hooked.forward(token_ids)
    assert hooked.forward(token_ids) is not None
