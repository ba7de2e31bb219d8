"""Direct attribution adds up to the model's own logit, and a head's part is what the stream loses without the head."""

from pathlib import Path

import pytest
import torch
from attention_hosts import OUTPUT, output_projections
from tiny_models import save_tiny

from models.attribution.dictionary_parts import check_site, feature_parts, with_features
from models.attribution.logit_attribution import LogitAttribution, logit_attribution
from models.attribution.stream_parts import run_at_last_position, stream_parts
from models.dictionaries.registry import architecture
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.language_model.stream_readout import StreamReadout

TOKENS = (5, 9, 17, 30, 2, 44)
ANSWER, FOIL = 21, 33


def attributed(host: HookedModel, foil: int | None) -> LogitAttribution:
    run = run_at_last_position(host, TOKENS)
    parts = stream_parts(host, run)
    return logit_attribution(host, StreamReadout.of(host), parts, run.values[Site("final_norm_in")], ANSWER, foil)


def answer_logits(host: HookedModel) -> torch.Tensor:
    with torch.no_grad():
        return host.model(input_ids=torch.tensor([TOKENS])).logits[0, -1].double()


@pytest.mark.parametrize(
    ("kind", "heads_are_told"),
    [
        *((kind, True) for kind in ("gpt2", "llama", "gpt_neox", "granite", "qwen3_moe")),
        *((kind, False) for kind in ("gemma2", "gemma3", "olmo2", "falcon", "gptj", "bloom")),
    ],
)
def test_contributions_add_up_to_the_model_s_own_logit(tmp_path: Path, kind: str, heads_are_told: bool):
    host = HookedModel.load(str(save_tiny(kind, tmp_path)), device="cpu")
    logits_V = answer_logits(host)
    for foil, wanted in ((FOIL, logits_V[ANSWER] - logits_V[FOIL]), (None, logits_V[ANSWER] - logits_V.mean())):
        found = attributed(host, foil)
        amounts = [each.contribution for each in found.contributions]
        assert found.logit == pytest.approx(float(wanted), abs=1e-5)
        assert sum(amounts) == pytest.approx(float(wanted), abs=2e-5 * max(1, *map(abs, amounts)))
    heads = [(each.layer, each.head) for each in found.contributions if each.component == "head"]
    assert heads == ([(layer, head) for layer in range(3) for head in range(4)] if heads_are_told else [])
    assert len([1 for each in found.contributions if each.component == "mlp"]) == 3


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox", "qwen3"])
def test_a_head_adds_its_z_through_its_part_of_the_output_projection(tmp_path: Path, kind: str):
    assert kind in OUTPUT
    host = HookedModel.load(str(save_tiny(kind, tmp_path)), device="cpu")
    run = run_at_last_position(host, TOKENS)
    heads = [part for part in stream_parts(host, run) if part.component == "head"]
    for layer, projection in enumerate(output_projections(host)):
        weight = projection.weight
        assert isinstance(weight, torch.Tensor)
        weight_ED = weight if kind == "gpt2" else weight.T
        z_Hd, W_O_HdD = run.values[Site("z", layer)].unflatten(-1, (4, -1)), weight_ED.unflatten(0, (4, -1))
        wanted_HD = torch.einsum("hd,hdD->hD", z_Hd, W_O_HdD)
        found_HD = torch.stack([part.added_D for part in heads if part.layer == layer]).float()
        torch.testing.assert_close(found_HD, wanted_HD, rtol=0, atol=2e-6)


@pytest.mark.parametrize("site", ["resid_post.1", "resid_mid.1", "resid_pre.2", "attn_out.2", "mlp_out.0"])
def test_features_stand_in_the_place_of_what_their_dictionary_describes(tmp_path: Path, site: str):
    host, chance = HookedModel.load(str(save_tiny("llama", tmp_path)), device="cpu"), torch.Generator().manual_seed(0)
    tensors = {
        "W_enc": torch.randn(32, 64, generator=chance),
        "W_dec": torch.randn(64, 32, generator=chance),
        "b_enc": torch.zeros(64),
        "b_dec": torch.randn(32, generator=chance),
    }
    sae, place = architecture("topk")(tensors, {"k": 5}), Site.parse(site)
    run = run_at_last_position(host, TOKENS, place)
    features = feature_parts(sae, run.values[place], run.values[place], place)
    parts = with_features(stream_parts(host, run), features, place)
    found = logit_attribution(host, StreamReadout.of(host), parts, run.values[Site("final_norm_in")], ANSWER, FOIL)
    logits_V, amounts = answer_logits(host), [each.contribution for each in found.contributions]
    assert sum(amounts) == pytest.approx(float(logits_V[ANSWER] - logits_V[FOIL]), abs=1e-4 * max(map(abs, amounts)))
    by_name = [(each.component, each.layer) for each in found.contributions]
    assert by_name.count(("feature", place.layer)) == 5
    assert ("error", place.layer) in by_name
    assert (("mlp", 0) in by_name) == (site == "attn_out.2")
    assert (("head", 1) in by_name) == (site in ("attn_out.2", "mlp_out.0"))
    assert ("mlp", 2) in by_name


def test_a_dictionary_beside_the_stream_is_refused():
    with pytest.raises(ValueError, match=r"writes z\.1, which is no part of the residual stream.*name a dictionary of"):
        check_site(Site("z", 1))
