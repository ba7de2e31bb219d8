"""What a module's name is read as is what passes there in the running model: plain torch hooks say the truth."""

from pathlib import Path
from typing import Any

import pytest
import torch

from models.interchange.hook_names import sites_of_module
from models.language_model.block_points import read_block_points
from models.language_model.hooked_model import HookedModel
from tests.support.tiny_models import save_tiny

LAYER = 1
READ = {
    "gpt2": {"h.1.attn": "attn_out.1", "h.1.mlp": "mlp_out.1", "h.1.ln_2": "mlp_in.1", "h.1": "resid_post.1"},
    "gpt_neox": {"layers.1.attention": "attn_out.1", "layers.1.attention.dense": "attn_out.1"},
    "llama": {
        "model.layers.1.self_attn": "attn_out.1",
        "model.layers.1.mlp.down_proj": "mlp_out.1",
        "layers.1.mlp.down_proj.input": "mlp_act.1",
        "layers.1.input": "resid_pre.1",
        "layers.1.post_attention_layernorm": "mlp_in.1",
        "layers.1.post_attention_layernorm.input": "resid_mid.1",
    },
    "gemma2": {
        "layers.1.post_attention_layernorm": "attn_out.1",
        "layers.1.post_feedforward_layernorm.output": "mlp_out.1",
        "layers.1.mlp.input": "mlp_in.1",
    },
    "olmo2": {
        "layers.1.post_attention_layernorm": "attn_out.1",
        "layers.1.post_feedforward_layernorm.output": "mlp_out.1",
    },
    "granite": {"layers.1": "resid_post.1", "layers.1.mlp.input": "mlp_in.1"},
    "bert": {
        "encoder.layer.1.attention": "resid_mid.1",
        "encoder.layer.1.attention.output": "resid_mid.1",
        "encoder.layer.1.attention.output.dense": "attn_out.1",
        "encoder.layer.1.attention.self.input": "resid_pre.1",
        "encoder.layer.1.output": "resid_post.1",
        "encoder.layer.1.output.dense": "mlp_out.1",
    },
    "mixtral": {"layers.1.mlp": "mlp_out.1", "layers.1.self_attn": "attn_out.1"},
}
NOT_READ = {
    "gemma2": ["layers.1.mlp", "layers.1.self_attn", "layers.1.self_attn.o_proj", "layers.1.mlp.down_proj"],
    "olmo2": ["layers.1.mlp", "layers.1.self_attn", "layers.1.mlp.down_proj"],
    "granite": ["layers.1.mlp", "layers.1.self_attn"],
}


@pytest.fixture(scope="module", params=READ)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    return request.param, save_tiny(request.param, tmp_path_factory.mktemp(request.param))


def passing(host: HookedModel, ids: torch.Tensor) -> dict[str, Any]:
    """What every module of a block is given and gives out, by the names that other libraries have for it."""
    found: dict[str, Any] = {}

    def watch(name: str, module: torch.nn.Module) -> list[Any]:
        def enter(_: Any, args: Any, kwargs: Any) -> None:
            found[f"{name}.input"] = (args[0] if args else kwargs.get("hidden_states")).clone()

        def leave(_: Any, __: Any, output: Any) -> None:
            found[name] = (output[0] if isinstance(output, tuple) else output).clone()

        return [module.register_forward_pre_hook(enter, with_kwargs=True), module.register_forward_hook(leave)]

    block = host.module_map.blocks[LAYER]
    handles = [
        handle
        for path, module in block.named_modules()
        if not isinstance(module, torch.nn.ModuleList) and "rotary" not in path and "experts" not in path
        for handle in watch(f"layers.{LAYER}.{path}".rstrip("."), module)
    ]
    host.model(input_ids=ids)
    for handle in handles:
        handle.remove()
    return found


def test_every_module_that_is_read_as_a_site_passes_its_values(model: tuple[str, Path]):
    kind, folder = model
    host, points = HookedModel.load(str(folder)), read_block_points(str(folder))
    assert points is not None
    ids = torch.arange(5, 17)[None]
    values = passing(host, ids)
    named = {name: sites_of_module(name, lambda: points) for name in values}
    with host.capture([site for site in host.sites if site.layer == LAYER], stop_early=False) as found:
        host.forward(ids)
    sites = {str(site): x for site, x in found.items()}
    meant = {(name, site) for name, several in named.items() for site in several if site in sites}
    assert {site for _, site in meant} >= {"resid_pre.1", "resid_post.1", "mlp_in.1"}
    for name, site in meant:
        assert torch.equal(values[name].reshape(sites[site].shape), sites[site]), (name, site)
    for name in NOT_READ.get(kind, []):
        [taken_for] = sites_of_module(name)
        assert not torch.allclose(values[name], sites[taken_for], rtol=1e-3, atol=1e-3), (name, taken_for)


def test_names_are_read_in_the_words_of_the_family(model: tuple[str, Path]):
    kind, folder = model
    points = read_block_points(str(folder))
    assert points is not None
    for name, site in READ[kind].items():
        assert site in sites_of_module(name, lambda: points), name
    for name in NOT_READ.get(kind, []):
        assert sites_of_module(name, lambda: points) == (), name


def test_a_model_of_no_family_has_no_points(tmp_path: Path):
    assert read_block_points(str(save_tiny("opt", tmp_path))) is None
    assert sites_of_module("layers.1.mlp", lambda: None) == ("mlp_out.1",)
