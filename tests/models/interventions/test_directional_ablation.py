"""A planted refusal: harmful tokens carry a direction that attention spreads and the output reads."""

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from refusing_gpt2 import HARMFUL, HARMLESS, REFUSE, WIDTH, instructions, refusing_gpt2
from tiny_models import save_tiny

from models.interventions.contrast_directions import mean_difference
from models.interventions.directional_ablation import NotOrthogonal, ablated_everywhere, orthogonalized_weights
from models.interventions.shifted_prediction import StreamShift, last_log_probabilities
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site


@pytest.fixture
def planted(tmp_path: Path) -> tuple[HookedModel, torch.Tensor]:
    return refusing_gpt2(tmp_path)


def refusals(host: HookedModel, prompts: list[tuple[int, ...]], *shifts: StreamShift) -> float:
    said_N = torch.cat([log_BV.argmax(-1) for log_BV in last_log_probabilities(host, prompts, *shifts)])
    return float((said_N == REFUSE).float().mean())


def direction(host: HookedModel, site: Site) -> torch.Tensor:
    sides = []
    for kinds in (HARMFUL, HARMLESS):
        with host.capture([site]) as found:
            host.forward(torch.tensor(instructions(kinds)))
        sides.append(found[site][:, -1])
    return mean_difference(*sides)


@pytest.mark.parametrize("layer", [0, 1])
def test_the_planted_refusal_is_found_taken_out_and_brought_about(planted, layer: int):
    host, u_D = planted
    site = Site("resid_post", layer)
    found_D = direction(host, site)
    assert float(torch.cosine_similarity(found_D, u_D, dim=0)) == pytest.approx(1, abs=1e-4)
    harmful, harmless = instructions(HARMFUL), instructions(HARMLESS)
    assert (refusals(host, harmful), refusals(host, harmless)) == (1.0, 0.0)
    with ablated_everywhere(host, found_D):
        assert refusals(host, harmful) == 0.0
    added = StreamShift(site, found_D.expand(len(harmless), -1), positions="all")
    assert refusals(host, harmless, added) == 1.0
    with orthogonalized_weights(host, found_D):
        assert refusals(host, harmful) == 0.0
    assert refusals(host, harmful) == 1.0, "the weights are put back"


@pytest.mark.parametrize("kind", ["planted", "gpt2", "llama", "gpt_neox", "qwen3"])
def test_weights_without_the_direction_are_the_hooks(planted, tmp_path: Path, kind: str):
    host = planted[0] if kind == "planted" else HookedModel.load(str(save_tiny(kind, tmp_path / kind)), device="cpu")
    drawn_D = torch.randn(WIDTH, generator=torch.Generator().manual_seed(1))
    tokens, logits = torch.tensor([(5, 7, 12, 8, 30), (9, 3, 40, 41, 2)]), []
    for context in (nullcontext(), ablated_everywhere(host, drawn_D), orthogonalized_weights(host, drawn_D)):
        with context, torch.no_grad():
            found = host.forward(tokens)
        assert found is not None
        logits.append(found)
    before = logits[0]
    torch.testing.assert_close(logits[1], logits[2], rtol=0, atol=1e-5 * max(1.0, float(before.abs().max())))
    assert float((logits[0] - logits[1]).abs().max()) > 1e-2
    with torch.no_grad():
        after = host.forward(tokens)
    assert after is not None
    assert torch.equal(after, before), "put back bit for bit"


def test_a_norm_behind_the_projections_is_refused(tmp_path: Path):
    host = HookedModel.load(str(save_tiny("gemma2", tmp_path)), device="cpu")
    before = {name: weight.clone() for name, weight in host.model.state_dict().items()}
    refused = pytest.raises(NotOrthogonal, match=r"attn_out\.0 of Gemma2ForCausalLM has no projection")
    with refused, orthogonalized_weights(host, torch.ones(WIDTH)):
        pass
    assert all(torch.equal(weight, before[name]) for name, weight in host.model.state_dict().items())
