"""Feature swaps on a planted readout: the planted pair turns the answer into the foil, random pairs do not."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from complete_dictionary import complete_dictionary
from tiny_models import save_tiny

from models.experiments.feature_dictionary import FeatureDictionary, InvalidFeature
from models.experiments.method import ExperimentInput
from models.experiments.methods.feature_swap import METHOD
from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.feature_swap import FeatureSwapSettings
from models.experiments.swapped_pairs import swap_conditions
from models.interventions.edited_completions import InvalidStrength
from models.interventions.feature_swap import FeatureSwap, swapped_logits, text_codes
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

WIDTH, LAST = 32, Site("resid_post", 2)
OFF, ON, ANSWER, FOIL, DEAD = 3, 7, 40, 41, 11
MARK, OTHER, SILENT = 50, 51, 52
"""Tokens that write coordinate OFF, coordinate ON, and the opposite of OFF; clean prompts have the first, corrupt ones
the second."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    """A GPT-2 of weak blocks whose answer reads coordinate OFF of the last stream and whose foil coordinate ON."""
    host = HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))), device="cpu")
    torch.manual_seed(0)
    embedding, head = (torch.randn(host.vocab_size, WIDTH) * size for size in (0.3, 0.05))
    embedding[[MARK, OTHER]] = 0
    embedding[SILENT, OFF] = -4.0
    embedding[MARK, OFF] = embedding[OTHER, ON] = 4.0
    head[:, [OFF, ON]] = 0
    head[[ANSWER, FOIL]] = 0
    head[ANSWER, OFF] = head[FOIL, ON] = 5.0
    host.model.transformer.wte = torch.nn.Embedding.from_pretrained(embedding)
    host.model.lm_head = torch.nn.Linear(WIDTH, host.vocab_size, bias=False)
    host.model.lm_head.weight = torch.nn.Parameter(head, requires_grad=False)
    return host


def dictionary() -> FeatureDictionary:
    strongest_F, density_F = np.full(2 * WIDTH, 4.0), np.linspace(0.001, 0.003, 2 * WIDTH)
    strongest_F[DEAD], density_F[DEAD] = 0, 0
    return FeatureDictionary("last", complete_dictionary(WIDTH), LAST, LAST, strongest_F, density_F)


def given(host: HookedModel, **settings: Any) -> ExperimentInput[FeatureSwapSettings]:
    texts = [(5, 9), (17, 30), (8, 12, 20), (22,), (13, 14)]
    prompts = [
        EncodedPrompt(Prompt(n, clean="a", corrupt="b"), (*ids, MARK), 0, (*ids, OTHER), ANSWER, FOIL)
        for n, ids in enumerate(texts)
    ]
    return ExperimentInput(host, FeatureSwapSettings.model_validate(settings), prompts, (), [dictionary()])


def by_condition(asked: ExperimentInput[FeatureSwapSettings]) -> dict[tuple[str, float, str], dict[str, Any]]:
    rows = METHOD.measure(asked, asked.prompts)["feature_swap_effect"]
    return {(row["condition"], row["strength"], row["metric"]): dict(row) for row in rows}


def test_the_prompts_choose_the_planted_pair_and_its_swap_turns_the_answer_into_the_foil(host: HookedModel):
    found = by_condition(given(host, strengths=[1, 2]))
    for (condition, strength, _), row in found.items():
        assert (row["feature_off"], row["feature_on"], row["n_prompts"]) == (OFF, ON, 5)
        assert row["firing_share"] == 1
        assert row["n_pairs"] == {"pair": 1, "random_pairs": 10}[condition]
        assert strength in (1, 2)
        assert row["effect"] == pytest.approx(row["value"] - row["unswapped_value"])
        assert row["ci_low"] <= row["effect"] + 1e-12
        assert row["ci_high"] >= row["effect"] - 1e-12
    swapped, chance = found["pair", 1, "foil_is_likeliest"], found["random_pairs", 1, "foil_is_likeliest"]
    assert (swapped["unswapped_value"], swapped["value"], chance["value"]) == (0, 1, 0)
    difference, by_chance = found["pair", 1, "logit_difference"], found["random_pairs", 1, "logit_difference"]
    assert difference["unswapped_value"] > 5
    assert difference["value"] < -5
    assert by_chance["value"] > 3, "the answer is still there"
    assert difference["ci_high"] < by_chance["ci_low"]
    assert found["pair", 1, "foil_probability"]["value"] > 0.5 > 0.01 > found["pair", 1, "answer_probability"]["value"]


def test_a_swap_is_that_of_a_stream_that_is_edited_by_hand(host: HookedModel):
    """The mark stands at position 1: there and at the last, and nowhere else, two coordinates change."""
    ids, sae = (5, MARK, 9, 30), complete_dictionary(WIDTH)
    codes_PF, _ = text_codes(host, sae, LAST, ids, 1)
    [swapped_V] = swapped_logits(host, sae, LAST, ids, codes_PF, [FeatureSwap(OFF, ON, 2.5, where=OFF)])
    fires = [p for p in range(1, 4) if codes_PF[p, OFF] > 0]
    assert 1 in fires

    def edit(x_BPD: torch.Tensor) -> torch.Tensor:
        for p in {*fires, 3}:
            x_BPD[0, p, OFF] = min(float(x_BPD[0, p, OFF]), 0.0)
            x_BPD[0, p, ON] = min(float(x_BPD[0, p, ON]), 0.0) + 2.5
        return x_BPD

    with torch.no_grad(), host.intervene({LAST: edit}):
        wanted = host.forward(torch.tensor([ids]))
    assert wanted is not None
    torch.testing.assert_close(swapped_V, wanted[0, -1])
    assert not codes_PF[0].any(), "a special token before the text is not read"


def test_positions_where_the_first_feature_is_silent_keep_their_value(host: HookedModel):
    ids, sae, early = (5, MARK, SILENT, SILENT), complete_dictionary(WIDTH), Site("resid_post", 0)
    codes_PF, _ = text_codes(host, sae, early, ids, 0)
    reached = [p for p in range(4) if p == 3 or codes_PF[p, OFF] > 0]
    assert 1 in reached
    assert 2 not in reached
    with host.capture([early], stop_early=False) as plain:
        host.forward(torch.tensor([ids]))
    seen: list[torch.Tensor] = []
    layer = host.model.transformer.h[1].register_forward_pre_hook(lambda module, args: seen.append(args[0].clone()))
    swapped_logits(host, sae, early, ids, codes_PF, [FeatureSwap(OFF, ON, 2.5, where=OFF)])
    layer.remove()
    changed = (seen[0][0] != plain[early][0]).any(-1).nonzero().flatten().tolist()
    assert changed == reached


def test_a_feature_swapped_with_itself_at_its_own_value_is_the_plain_pass_bit_for_bit(host: HookedModel):
    ids, sae = (MARK,), complete_dictionary(WIDTH)
    codes_PF, plain_V = text_codes(host, sae, LAST, ids, 0)
    own = float(codes_PF[-1, OFF])
    assert own > 0
    same_V, other_V = (
        swapped_logits(host, sae, LAST, ids, codes_PF, [FeatureSwap(OFF, OFF, value, where=OFF)])[0]
        for value in (own, own / 2)
    )
    assert torch.equal(same_V, plain_V)
    assert not torch.equal(other_V, plain_V)


def test_random_pairs_are_live_of_like_density_set_to_the_same_value_where_the_pair_is(host: HookedModel):
    pair, chance = swap_conditions(given(host, pairs=[[OFF, ON]], strengths=[2], random_pairs=8))
    assert [(swap.off, swap.on, swap.value) for swap in pair.swaps] == [(OFF, ON, 8.0)]
    assert len({(swap.off, swap.on) for swap in chance.swaps}) == 8
    for swap in chance.swaps:
        assert (swap.value, swap.where) == (8.0, OFF)
        assert not {swap.off, swap.on} & {OFF, ON, DEAD}
        assert max(swap.off, swap.on) < 2 * 16, "densities grow with the number"
    assert [each.name for each in swap_conditions(given(host, strengths=[1], random_pairs=0))] == ["pair"]


def test_what_it_costs_is_what_it_runs(host: HookedModel):
    asked, rows_run = given(host, strengths=[1, 2], random_pairs=3), []
    embedded = host.model.transformer.wte.register_forward_hook(lambda *args: rows_run.append(len(args[2])))
    METHOD.measure(asked, asked.prompts)
    embedded.remove()
    assert METHOD.passes(asked).forward == sum(rows_run)


@pytest.mark.parametrize(
    ("pair", "wanted"), [([DEAD, ON], "feature 11 of last never fired"), ([OFF, 64], "there is no feature 64")]
)
def test_a_feature_that_cannot_be_swapped_is_refused(host: HookedModel, pair: list[int], wanted: str):
    with pytest.raises(InvalidFeature, match=wanted):
        METHOD.check(given(host, pairs=[pair]))


def test_pairs_that_differ_in_nothing_choose_no_features(host: HookedModel):
    asked = given(host)
    same = [dataclasses.replace(prompt, corrupt_ids=prompt.token_ids) for prompt in asked.prompts]
    with pytest.raises(InvalidFeature, match="no live feature of last fires less on the corrupt prompts"):
        METHOD.measure(dataclasses.replace(asked, prompts=same), same)


def test_a_strength_that_makes_nan_is_refused(host: HookedModel):
    asked = given(host, pairs=[[OFF, ON]], strengths=[10])
    strong = dataclasses.replace(asked.features, max_activation_F=np.full(2 * WIDTH, 1e38))
    with pytest.raises(InvalidStrength, match=r"feature 7 is set to 1e\+39: take smaller strengths"):
        METHOD.measure(dataclasses.replace(asked, dictionaries=[strong]), asked.prompts)


def test_an_encoder_is_refused(tmp_path: Path, host: HookedModel):
    encoder = HookedModel.load(str(save_tiny("bert", tmp_path)), device="cpu")
    with pytest.raises(ValueError, match="is an encoder and predicts no next token"):
        METHOD.check(dataclasses.replace(given(host), host=encoder))
