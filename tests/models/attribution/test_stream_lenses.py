"""The Jacobian lens is the derivative, the tuned lens learns what it can, and both end with the model's own answer."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import LAYERS, WIDTH, save_tiny
from torch import nn

from models.attribution.jacobian_lens import jacobian_sum
from models.attribution.logit_lens import logit_lens
from models.attribution.stream_lens import AS_IT_IS
from models.attribution.tuned_lens import TunedLensTraining, fit_tuned_lens
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.language_model.stream_readout import StreamReadout

LAST = LAYERS - 1


def texts(n: int, length: int, seed: int) -> list[tuple[int, ...]]:
    ids = torch.randint(5, 200, (n, length), generator=torch.Generator().manual_seed(seed))
    return [tuple(row) for row in ids.tolist()]


@pytest.fixture
def host(tmp_path: Path) -> HookedModel:
    return HookedModel.load(str(save_tiny("gpt2", tmp_path)), device="cpu")


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_the_jacobian_is_that_of_the_model_position_by_position(tmp_path: Path, kind: str):
    host = HookedModel.load(str(save_tiny(kind, tmp_path)), device="cpu")
    [text], skip = texts(1, 6, seed=1), 2
    lens = jacobian_sum(host, [text], skip, rows_per_pass=12).lens
    ids = torch.tensor([text])
    for layer, site in ((-1, Site("resid_pre", 0)), (0, Site("resid_post", 0)), (1, Site("resid_post", 1))):
        with host.capture([site]) as stream:
            host.forward(ids)

        def last(x_PD: torch.Tensor, site: Site = site) -> torch.Tensor:
            end = Site("resid_post", LAST)
            with host.intervene({site: lambda _: x_PD[None]}), host.capture([end], detach=False) as found:
                host.forward(ids)
            return found[end][0]

        whole_PDPD: Any = torch.autograd.functional.jacobian(last, stream[site][0])
        wanted_DD = whole_PDPD[skip:, :, skip:].sum(0).mean(1)
        torch.testing.assert_close(lens.maps_DD[layer], wanted_DD, rtol=1e-3, atol=1e-4)


def test_it_is_the_identity_at_its_target_and_two_halves_are_the_whole(host: HookedModel):
    every = texts(4, 8, seed=2)
    whole = jacobian_sum(host, every, 2)
    halves = jacobian_sum(host, every[:2], 2) + jacobian_sum(host, every[2:], 2)
    for layer in range(-1, LAYERS):
        torch.testing.assert_close(halves.lens.maps_DD[layer], whole.lens.maps_DD[layer], rtol=1e-5, atol=1e-6)
    assert torch.equal(whole.lens.maps_DD[LAST], torch.eye(WIDTH))


def test_it_is_the_product_of_the_matrices_of_a_linear_model(host: HookedModel):
    expected = torch.eye(WIDTH)
    products = {LAST: expected}
    for layer, block in reversed(list(enumerate(host.model.transformer.h))):
        nn.init.zeros_(block.attn.c_proj.weight)
        block.ln_1, block.ln_2, block.mlp.act = nn.Identity(), nn.Identity(), nn.Identity()
        block_DD = torch.eye(WIDTH) + (block.mlp.c_fc.weight @ block.mlp.c_proj.weight).T
        expected = expected @ block_DD
        products[layer - 1] = expected
    lens = jacobian_sum(host, texts(2, 8, seed=3), 2).lens
    for layer, wanted_DD in products.items():
        torch.testing.assert_close(lens.maps_DD[layer], wanted_DD, rtol=1e-4, atol=1e-4)
    readout, token_ids = StreamReadout.of(host), texts(1, 8, seed=4)[0]
    for block in host.model.transformer.h:  # a linear map without a constant carries the stream to the very answer
        for bias in (block.attn.c_proj.bias, block.mlp.c_fc.bias, block.mlp.c_proj.bias):
            nn.init.zeros_(bias)
    for read in logit_lens(host, readout, token_ids, lens):
        assert float(read.kl_to_final_P.max()) < 1e-4
    assert float(next(iter(logit_lens(host, readout, token_ids))).kl_to_final_P.max()) > 1e-2


def test_a_text_without_positions_behind_those_left_out_is_refused(host: HookedModel):
    with pytest.raises(ValueError, match="a text of 8 tokens has none behind the 8 that are left out"):
        jacobian_sum(host, texts(1, 8, seed=0), 8)


def mean_divergence(host: HookedModel, lens, layer: int) -> float:
    readout, kls = StreamReadout.of(host), []
    for text in texts(6, 12, seed=99):
        kls += [
            float(read.kl_to_final_P.mean()) for read in logit_lens(host, readout, text, lens) if read.layer == layer
        ]
    return sum(kls) / len(kls)


def test_the_tuned_lens_is_nearer_to_the_answer_on_texts_that_it_never_saw(host: HookedModel):
    readout, training = StreamReadout.of(host), TunedLensTraining(steps=150, learning_rate=3e-3)
    held_in = texts(40, 12, seed=5)
    lens = fit_tuned_lens(host, readout, held_in, training)
    for layer in range(-1, LAST):
        assert mean_divergence(host, lens, layer) < 0.8 * mean_divergence(host, AS_IT_IS, layer), layer
    assert mean_divergence(host, lens, LAST) == pytest.approx(0, abs=1e-6)
    again = fit_tuned_lens(host, readout, held_in, training)
    assert all(torch.equal(again.maps_DD[layer], lens.maps_DD[layer]) for layer in lens.maps_DD)


def test_it_learns_a_constant_that_blocks_add(host: HookedModel):
    for block in host.model.transformer.h:
        for part in (block.attn.c_proj, block.mlp.c_proj):
            nn.init.zeros_(part.weight)
            nn.init.normal_(part.bias, generator=torch.Generator().manual_seed(6))
    training = TunedLensTraining(steps=400, learning_rate=3e-2)
    lens = fit_tuned_lens(host, StreamReadout.of(host), texts(40, 12, seed=5), training)
    assert mean_divergence(host, lens, 0) < 0.1 * mean_divergence(host, AS_IT_IS, 0)
