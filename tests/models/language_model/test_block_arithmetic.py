"""A model whose parts nobody named is read by its arithmetic: the same places as by names, the plain model's values.

Truth comes from the tables of names, from the plain model's hidden states, and from its weights set to zero.
"""

import copy

import pytest
import torch
from tiny_models import LAYERS, save_tiny

from models.language_model.block_arithmetic import map_by_arithmetic
from models.language_model.hooked_model import HookedModel
from models.language_model.module_map import UnknownArchitecture
from models.language_model.self_test import probe_tokens
from models.language_model.sites import Site

ADDED = {  # what attention and the MLP end in, and what of it the stream is given
    "opt": ("model.decoder.layers.{}.self_attn.out_proj", "model.decoder.layers.{}.fc2"),
    "granite": ("model.layers.{}.self_attn.o_proj", "model.layers.{}.mlp.down_proj"),
    "olmo2": ("model.layers.{}.post_attention_layernorm", "model.layers.{}.post_feedforward_layernorm"),
    "falcon": ("transformer.h.{}.self_attention.dense", "transformer.h.{}.mlp.dense_4h_to_h"),
    "bloom": ("transformer.h.{}.self_attention.dense", "transformer.h.{}.mlp.dense_4h_to_h"),
}
NAMED = ("gpt2", "gpt_neox", "gpt_neox_sequential", "llama", "gemma2", "gemma3", "qwen3", "mixtral", "starcoder2")


@pytest.fixture(scope="module", params=ADDED)
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def hooked(kind, tmp_path_factory) -> HookedModel:
    return HookedModel.load(str(save_tiny(kind, tmp_path_factory.mktemp(kind))), device="cpu")


@pytest.fixture
def token_ids() -> torch.Tensor:
    return torch.randint(5, 200, (2, 12), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("named", NAMED)
def test_where_names_are_known_arithmetic_finds_the_same_values(named, tmp_path, token_ids):
    hooked = HookedModel.load(str(save_tiny(named, tmp_path)), device="cpu")
    by_name = hooked.module_map
    with hooked.capture(hooked.sites, stop_early=False) as found:
        hooked.forward(token_ids)
    hooked.module_map = map_by_arithmetic(hooked.model, probe_tokens(hooked.model, hooked.tokenizer))
    assert hooked.module_map.kinds == by_name.kinds
    with hooked.capture(hooked.sites, stop_early=False) as again:
        hooked.forward(token_ids)
    assert all(torch.equal(x, again[site]) for site, x in found.items())


def test_the_stream_is_the_plain_models_hidden_states(hooked, token_ids):
    states = hooked.model(input_ids=token_ids, output_hidden_states=True).hidden_states
    with hooked.capture(hooked.sites, stop_early=False) as found:
        hooked.forward(token_ids)
    for layer in range(LAYERS):
        assert torch.equal(found[Site("resid_pre", layer)], states[layer])
        if layer:
            assert torch.equal(found[Site("resid_post", layer - 1)], states[layer])
    assert torch.equal(hooked.module_map.final_norm(found[Site("final_norm_in")]), states[-1])


@pytest.mark.parametrize("which", [0, 1], ids=["attn_out", "mlp_out"])
def test_setting_what_is_added_to_zero_is_setting_the_weights_to_zero(hooked, kind, token_ids, which):
    silenced = copy.deepcopy(hooked.model)
    for weight in silenced.get_submodule(ADDED[kind][which].format(1)).parameters():
        weight.zero_()
    with hooked.intervene({Site(("attn_out", "mlp_out")[which], 1): torch.zeros_like}):
        logits = hooked.forward(token_ids)
    wanted = silenced(input_ids=token_ids, attention_mask=torch.ones_like(token_ids), use_cache=False).logits
    torch.testing.assert_close(logits, wanted, rtol=0, atol=1e-6)
    assert (logits - hooked.forward(token_ids)).abs().max() > 1e-3


def test_edits_that_change_nothing_leave_the_logits_as_they_were_bit_for_bit(hooked, token_ids):
    with hooked.intervene(dict.fromkeys(hooked.sites, torch.clone)):
        edited = hooked.forward(token_ids)
    assert torch.equal(edited, hooked.forward(token_ids))


def test_no_module_is_seen_twice_by_the_search(hooked, monkeypatch):
    register, seen = torch.nn.Module.register_forward_hook, []

    def count(module: torch.nn.Module, *args, **options):
        seen.append(module)
        return register(module, *args, **options)

    monkeypatch.setattr(torch.nn.Module, "register_forward_hook", count)
    map_by_arithmetic(hooked.model, probe_tokens(hooked.model, hooked.tokenizer))
    assert len(seen) == len(set(seen)) > 3 * LAYERS


def test_blocks_that_say_nan_are_not_mapped(hooked):
    broken = copy.deepcopy(hooked.model)
    for weight in broken.parameters():
        weight.fill_(torch.nan)
    with pytest.raises(UnknownArchitecture, match="block 0 says NaN or infinity"):
        map_by_arithmetic(broken, probe_tokens(hooked.model, hooked.tokenizer))
