"""The logit lens: its last layer is the model, and blocks that do nothing change nothing."""

from pathlib import Path

import pytest
import torch
from tiny_models import save_tiny

from models.attribution.logit_lens import logit_lens
from models.language_model.hooked_model import HookedModel
from models.language_model.stream_readout import StreamReadout

TOKENS = (5, 9, 17, 30, 2, 44)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox", "gemma2", "granite"])
def test_the_last_layer_is_the_model_s_own_answer(tmp_path: Path, kind: str):
    host = HookedModel.load(str(save_tiny(kind, tmp_path)), device="cpu")
    lenses = list(logit_lens(host, StreamReadout.of(host), TOKENS))
    with torch.no_grad():
        wanted_PV = host.model(input_ids=torch.tensor([TOKENS])).logits[0].log_softmax(-1)
    assert [lens.layer for lens in lenses] == list(range(-1, host.n_layers))
    torch.testing.assert_close(lenses[-1].log_probabilities_PV, wanted_PV, rtol=0, atol=2e-5)
    assert float(lenses[-1].kl_to_final_P.max()) < 1e-6
    assert float(lenses[0].kl_to_final_P.max()) > 1e-3
    here_PV = lenses[1].log_probabilities_PV
    by_hand = torch.distributions.kl_divergence(
        torch.distributions.Categorical(logits=wanted_PV), torch.distributions.Categorical(logits=here_PV)
    )
    torch.testing.assert_close(lenses[1].kl_to_final_P, by_hand, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(lenses[1].entropy_P, torch.distributions.Categorical(logits=here_PV).entropy())


def test_blocks_that_add_nothing_give_one_answer_at_every_layer(tmp_path: Path):
    host = HookedModel.load(str(save_tiny("gpt2", tmp_path)), device="cpu")
    for block in host.model.transformer.h:
        for part in (block.attn.c_proj, block.mlp.c_proj):
            torch.nn.init.zeros_(part.weight)
            torch.nn.init.zeros_(part.bias)
    lenses = list(logit_lens(host, StreamReadout.of(host), TOKENS))
    for lens in lenses[1:]:
        assert torch.equal(lens.log_probabilities_PV, lenses[0].log_probabilities_PV)


def test_an_encoder_is_refused(tmp_path: Path):
    host = HookedModel.load(str(save_tiny("bert", tmp_path)), device="cpu")
    with pytest.raises(ValueError, match="no lens reads it: take a causal language model"):
        StreamReadout.of(host)
