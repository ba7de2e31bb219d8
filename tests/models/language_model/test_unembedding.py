"""A direction's direct effect on the logits is what the model's own norm and head make of it."""

import pytest
import torch
from tiny_models import WIDTH, save_tiny
from torch import Tensor

from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.language_model.unembedding import unembedding

LAYER_NORMED = ("gpt2", "gpt_neox")


@pytest.fixture(params=["gpt2", "gpt_neox", "llama", "gemma", "gemma2", "gemma3", "qwen3"])
def host(request, tmp_path) -> HookedModel:
    return HookedModel.load(str(save_tiny(request.param, tmp_path / request.param)), device="cpu")


def test_gain_and_centring_are_those_of_the_architecture(host):
    found, norm = host.unembedding(), host.module_map.final_norm
    assert found is not None
    assert norm is not None
    kind = host.model.config.model_type
    wanted = norm.weight.float() + ("gemma" in kind)
    assert torch.equal(found.gain_D, wanted)
    assert found.centred == (kind in LAYER_NORMED)
    assert found.W_VD is host.model.get_output_embeddings().weight


def test_effects_are_what_a_shift_that_keeps_the_scale_does_to_the_logits(host):
    """Mirroring the stream keeps its scale, and norm and head are then linear in what the mirror adds."""
    found = host.unembedding()
    assert found is not None
    stream_D, mirror_D = torch.randn(2, WIDTH, generator=torch.Generator().manual_seed(0))
    inner_D, mirror_D = (x_D - x_D.mean() if found.centred else x_D for x_D in (stream_D, mirror_D))
    added_D = -2 * (inner_D @ mirror_D) / mirror_D.square().sum() * mirror_D
    before_V, after_V = (_logits(host, x_D) for x_D in (stream_D, stream_D + added_D))
    wanted_V = found.effects(added_D[None])[0] / inner_D.square().mean().sqrt()
    torch.testing.assert_close(after_V - before_V, wanted_V, rtol=2e-4, atol=2e-4)


def _logits(host: HookedModel, stream_D: Tensor) -> Tensor:
    """Logits of a model whose last block leaves this stream, before a cap if the model has one."""
    with host.intervene({Site("resid_post", host.n_layers - 1): lambda x_BPD: stream_D.expand_as(x_BPD)}):
        logits = host.forward(torch.tensor([[7]]))
    assert logits is not None
    cap = getattr(host.model.config, "final_logit_softcapping", None)
    return logits[0, 0] if cap is None else torch.atanh(logits[0, 0] / cap) * cap


def test_an_encoder_has_no_unembedding(tmp_path):
    assert HookedModel.load(str(save_tiny("bert", tmp_path))).unembedding() is None


def test_a_norm_that_is_neither_is_refused():
    class Cubed(torch.nn.Module):
        weight = torch.ones(WIDTH)

        def forward(self, x):
            return x**3

    with pytest.raises(ValueError, match="Cubed norms neither as LayerNorm nor as RMSNorm does"):
        unembedding(Cubed(), torch.nn.Linear(WIDTH, 10, bias=False))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_gains_are_found_in_half_precision_too(dtype):
    norm, head = torch.nn.LayerNorm(WIDTH), torch.nn.Linear(WIDTH, 10, bias=False)
    torch.nn.init.normal_(norm.weight, 1, 0.3, generator=torch.Generator().manual_seed(0))
    found = unembedding(norm.to(dtype), head.to(dtype))
    assert found.centred
    assert torch.equal(found.gain_D, norm.weight.float())
