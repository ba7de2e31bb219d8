"""The names of other libraries mean the sites that their documentation says, and no other."""

import pytest

from models.interchange.hook_names import from_hook_name, layer_of, site_of_module, to_hook_name


def test_sites_have_the_names_that_transformer_lens_has():
    sites = {
        "resid_pre.0": "blocks.0.hook_resid_pre",
        "resid_mid.3": "blocks.3.hook_resid_mid",
        "resid_post.6": "blocks.6.hook_resid_post",
        "attn_in.4": "blocks.4.ln1.hook_normalized",
        "attn_out.6": "blocks.6.hook_attn_out",
        "mlp_in.2": "blocks.2.ln2.hook_normalized",
        "mlp_act.2": "blocks.2.mlp.hook_post",
        "mlp_out.11": "blocks.11.hook_mlp_out",
        "v.1": "blocks.1.attn.hook_v",
        "z.9": "blocks.9.attn.hook_z",
        "embed": "hook_embed",
    }
    for site, hook in sites.items():
        assert (to_hook_name(site), from_hook_name(hook)) == (hook, site)


@pytest.mark.parametrize(
    "hook",
    [None, "blocks.6.attn.hook_q", "blocks.6.mlp.hook_pre", "blocks.x.hook_resid_post", "resid_post.6", ""],
)
def test_a_name_without_a_site_is_unknown(hook: str | None):
    assert from_hook_name(hook) == "unknown"


def test_a_site_without_a_name_has_none():
    assert to_hook_name("unknown") is to_hook_name("logits") is to_hook_name("attn_pattern.3") is None
    assert (layer_of("resid_post.11"), layer_of("embed"), layer_of("unknown")) == (11, None, None)


def test_a_module_means_what_it_gives_out_or_what_it_reads():
    modules = {
        "layers.6": "resid_post.6",
        "h.3.mlp": "mlp_out.3",
        "model.layers.12": "resid_post.12",
        "model.layers.12.output": "resid_post.12",
        "model.layers.12.input": "resid_pre.12",
        "model.language_model.layers.4.output": "resid_post.4",
        "encoder.layer.3": "resid_post.3",
        "transformer.h.3.ln_2": "mlp_in.3",
        "gpt_neox.layers.5.attention": "attn_out.5",
        "layers.5.mlp.input": "mlp_in.5",
        "model.layers.3.self_attn.o_proj.input": "z.3",
        "model.layers.3.mlp.down_proj.input": "mlp_act.3",
        "model.layers.3.mlp.down_proj": "mlp_out.3",
        "model.layers.3.input_layernorm.output": "attn_in.3",
        "model.layers.3.pre_feedforward_layernorm.output": "mlp_in.3",
        "model.layers.3.post_feedforward_layernorm.output": "mlp_out.3",
        "embed_tokens": "embed",
        "model.embed_tokens": "embed",
        "embed_tokens.output": "embed",
        "transformer.wte": "embed",
        "gpt_neox.embed_in": "embed",
        "embeddings.word_embeddings": "embed",
    }
    assert {module: site_of_module(module) for module in modules} == modules


@pytest.mark.parametrize(
    "module",
    [
        "x",
        "layers",
        "layers.3.lora",
        "model.layers.3.post_attention_layernorm",
        "layers.2.mlp.gate_proj",
        "embed_tokens.input",
        "transformer.wpe",
        "",
    ],
)
def test_a_module_of_several_meanings_is_unknown(module: str):
    assert site_of_module(module) == "unknown"
