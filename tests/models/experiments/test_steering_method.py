"""Steering over a prompt set: rows with their unsteered values, baselines of equal size, bad cards refused."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import save_tiny

from models.dictionaries.registry import architecture
from models.experiments.feature_dictionary import FeatureDictionary, InvalidFeature
from models.experiments.method import ExperimentInput, Rows
from models.experiments.methods.steering import METHOD
from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import EncodedPrompt, PromptEncoder
from models.experiments.selecting_half import selecting_prompts
from models.experiments.settings.steering import SteeringSettings
from models.experiments.steering_effects import steering_effects, steering_score
from models.experiments.steering_plan import SteeringPlan
from models.interventions.edited_completions import InvalidStrength
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

N_FEATURES, DEAD, PLANTED, TOKEN = 24, 11, 5, 33
PROMPTS = [
    Prompt(0, prompt="def area(width,"),
    Prompt(1, prompt="return width"),
    Prompt(2, prompt="class Stack:"),
    Prompt(3, prompt="for name, value"),
    Prompt(4, prompt="print(name,"),
]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    return HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))), device="cpu")


def dictionary(host: HookedModel) -> FeatureDictionary:
    """Of the last block's stream: feature `PLANTED` writes the direction of `TOKEN`, feature `DEAD` never fired."""
    chance, last = torch.Generator().manual_seed(1), Site("resid_post", host.n_layers - 1)
    W_dec = torch.randn(N_FEATURES, 32, generator=chance)
    norm = host.module_map.final_norm
    assert norm is not None
    W_dec[PLANTED] = host.model.get_output_embeddings().weight[TOKEN].detach() / norm.weight
    W_dec = torch.nn.functional.normalize(W_dec.detach(), dim=1)
    biases = {"b_enc": torch.zeros(N_FEATURES), "b_dec": torch.zeros(32)}
    sae = architecture("topk")(
        {"W_enc": torch.randn(32, N_FEATURES, generator=chance), "W_dec": W_dec, **biases}, {"k": 6}
    )
    strongest_F, density_F = np.full(N_FEATURES, 4.0), np.linspace(0.001, 0.009, N_FEATURES)
    strongest_F[DEAD], density_F[DEAD] = 0, 0
    return FeatureDictionary("last", sae, last, last, strongest_F, density_F)


def given(host: HookedModel, prompts: list[Prompt] = PROMPTS, **settings: Any) -> ExperimentInput[SteeringSettings]:
    asked = {"features": [PLANTED], "strengths": [1, 3, 5, 10], "new_tokens": 6} | settings
    encoded = PromptEncoder(host.tokenizer, (), 128).encode(prompts)
    return ExperimentInput(host, SteeringSettings.model_validate(asked), encoded, (), [dictionary(host)])


@pytest.fixture(scope="module")
def rows(host: HookedModel) -> Rows:
    asked = given(host)
    measured = METHOD.measure(asked, asked.prompts)
    return {**measured, **METHOD.summarize(asked, measured)}


def test_the_concept_grows_with_the_strength_and_faster_than_under_the_baselines(rows: Rows):
    found = {
        (row["condition"], row["strength"]): row
        for row in rows["steering_effect"]
        if row["metric"] == "target_log_probability" and row["split"] == "report"
    }
    grown = [found["feature", strength]["value"] for strength in (1, 3, 5, 10)]
    assert grown == sorted(set(grown))
    assert found["feature", 10]["ci_low"] > found["random_direction", 10]["ci_high"]
    assert found["feature", 10]["ci_low"] > found["random_feature", 10]["ci_high"]
    for row in found.values():
        assert row["effect"] == pytest.approx(row["value"] - row["unsteered_value"])
        assert row["n_prompts"] == 2
    assert set(found) == {("prompting", 0)} | {
        (name, strength) for name in ("feature", "random_feature", "random_direction") for strength in (1, 3, 5, 10)
    }


def test_every_completion_stands_beside_the_plain_one(host: HookedModel, rows: Rows):
    for row in rows["steering_completion"]:
        prompt = host.tokenizer(str(PROMPTS[row["prompt_id"]].prompt), return_tensors="pt", add_special_tokens=False)
        plain = host.model.generate(**prompt, max_new_tokens=6, do_sample=False, pad_token_id=0)
        written = plain[0, prompt["input_ids"].shape[1] :]
        assert row["unsteered_completion"] == host.tokenizer.decode(written).split("<|endoftext|>")[0] or (
            "<|endoftext|>" in row["unsteered_completion"]
        )
        assert row["residual_share"] >= 0
    named = {row["random_feature_id"] for row in rows["steering_completion"] if row["condition"] == "random_feature"}
    assert len(named) == 1
    assert not named & {PLANTED, DEAD, None}


def test_chunks_change_nothing(host: HookedModel):
    asked = given(host, strengths=[5], temperature=0.8)
    whole = METHOD.measure(asked, asked.prompts)["steering_completion"]
    parts = [METHOD.measure(asked, asked.prompts[a:b])["steering_completion"] for a, b in ((0, 2), (2, 4), (4, 5))]
    assert whole == [row for part in parts for row in part]


def test_what_it_costs_is_what_it_runs(host: HookedModel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(host.model.generation_config, "eos_token_id", None)
    asked, rows_run = given(host, strengths=[5, 7]), []
    hook = host.model.register_forward_hook(
        lambda module, args, kwargs, output: rows_run.append(len(output.logits)), with_kwargs=True
    )
    METHOD.measure(asked, asked.prompts)
    hook.remove()
    n_norms = sum(1 for _ in asked.prompts)
    assert METHOD.passes(asked).forward == sum(rows_run) + n_norms, "passes that a capture ends have no logits"


def test_contrast_pairs_give_a_mean_difference_of_the_same_length(host: HookedModel):
    pairs = [Prompt(n, clean=a, corrupt=b) for n, (a, b) in enumerate([("(", ")"), (":", ",")] * 2)]
    plan = SteeringPlan.of(given(host, pairs, strengths=[5]))
    assert {each.name for each in plan.conditions} == {
        "feature", "random_feature", "random_direction", "mean_difference", "prompting",
    }  # fmt: skip
    edits = {each.name: each.edit for each in plan.conditions}
    length = float(dictionary(host).sae.W_dec.detach()[PLANTED].norm())
    for name in ("random_direction", "mean_difference"):
        edit = edits[name]
        assert edit is not None
        assert edit.direction_E is not None
        assert float(edit.direction_E.norm()) == pytest.approx(length, rel=1e-5)


def test_a_strength_may_be_a_share_of_the_stream_s_norm(host: HookedModel):
    for condition in SteeringPlan.of(given(host, strengths=[0.5], unit="residual_norm")).conditions:
        if condition.edit:
            assert condition.residual_share == pytest.approx(0.5)


def test_without_names_the_sharpest_live_features_are_taken_and_their_tokens_are_the_target(host: HookedModel):
    plan = SteeringPlan.of(given(host, features=[], strengths=[5], target_tokens=3))
    assert len(plan.concepts) == 10
    assert DEAD not in plan.concepts
    assert plan.concepts.keys() == {condition.feature for condition in plan.conditions}
    planted = SteeringPlan.of(given(host, target_tokens=3)).concepts[PLANTED]
    assert TOKEN in planted.token_ids
    named = SteeringPlan.of(given(host, concepts={str(PLANTED): " width height"})).concepts[PLANTED]
    assert host.tokenizer.decode(list(named.token_ids)) == " width height"


def test_a_word_stands_for_the_feature_that_promotes_it_most_sharply(host: HookedModel):
    word = host.tokenizer.decode([TOKEN])
    plan = SteeringPlan.of(given(host, features=[], words=[word], strengths=[5]))
    assert {feature: concept.token_ids for feature, concept in plan.concepts.items()} == {PLANTED: (TOKEN,)}


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"features": [], "words": [" import"]}, "no feature of last promotes ' import': the best, .*wanted 4"),
        ({"features": [DEAD]}, "feature 11 of last never fired"),
        ({"features": [24]}, "there is no feature 24"),
        ({"concepts": {"99": "width"}}, "there is no feature 99"),
    ],
)
def test_a_feature_that_cannot_be_steered_is_refused(host: HookedModel, settings: dict[str, Any], wanted: str):
    with pytest.raises(InvalidFeature, match=wanted):
        METHOD.check(given(host, **settings))


def test_a_text_that_would_be_longer_than_the_model_reads_is_refused(host: HookedModel):
    with pytest.raises(ValueError, match=r"row 0 has .* more than the 128 that the model reads"):
        METHOD.check(given(host, new_tokens=120))


def test_a_strength_that_makes_nan_is_refused_with_its_feature(host: HookedModel):
    asked = given(host)
    strong = dataclasses.replace(asked.features, max_activation_F=np.full(N_FEATURES, 1e37))
    with pytest.raises(InvalidStrength, match=r"feature 5 at strength 1: .* take smaller strengths"):
        METHOD.measure(dataclasses.replace(asked, dictionaries=[strong]), asked.prompts[:1])


def test_an_encoder_is_refused(tmp_path: Path, host: HookedModel):
    encoder = HookedModel.load(str(save_tiny("bert", tmp_path)), device="cpu")
    with pytest.raises(ValueError, match="is an encoder and writes no text"):
        METHOD.check(dataclasses.replace(given(host), host=encoder))


def measures(target: float, surprise: float = 2.0, repetition: float = 0.0) -> dict[str, float]:
    return {"target_log_probability": math.log(target), "surprise": surprise, "repetition": repetition}


def test_the_score_is_the_harmonic_mean_of_concept_fluency_and_novelty():
    plain = measures(0.01)
    assert steering_score(measures(0.02), plain) == pytest.approx(3 / (2 + 1 + 1)), "twice as likely"
    assert steering_score(measures(0.02, surprise=2 + math.log(2)), plain) == pytest.approx(3 / (2 + 2 + 1))
    assert steering_score(measures(0.02, repetition=0.5), plain) == pytest.approx(3 / (2 + 1 + 2))
    assert steering_score(measures(0.02, surprise=1.0), plain) == steering_score(measures(0.02), plain)
    assert steering_score(measures(0.01), plain) == steering_score(measures(0.005), plain) == 0
    assert steering_score(measures(0.02, repetition=1.0), plain) == 0


def test_a_loop_of_the_concept_scores_below_a_fluent_text_with_less_of_it():
    loop, fluent = measures(0.3, surprise=0.2, repetition=0.9), measures(0.03, surprise=2.3, repetition=0.1)
    assert steering_score(loop, measures(0.01)) < steering_score(fluent, measures(0.01))


def prompts_of_groups(groups: Sequence[str | None]) -> list[EncodedPrompt]:
    return [EncodedPrompt(Prompt(n, prompt="a", group=group), (1,), 0) for n, group in enumerate(groups)]


def effect_rows(scores: dict[tuple[float, int], float], groups: Sequence[str | None]) -> list[dict[str, Any]]:
    """Effects of one feature whose score at each strength on each prompt is given."""
    prompts = prompts_of_groups(groups)
    selecting = selecting_prompts(prompts)
    rows = [
        {"recipe_id": "r", "feature_id": 1, "condition": "feature", "strength": strength, "prompt_id": prompt_id}
        | {"split": "selection" if prompt_id in selecting else "report"}
        | dict.fromkeys(("target_log_probability", "surprise", "repetition", "kl"), 0.0)
        | {"steering_score": score}
        for (strength, prompt_id), score in scores.items()
    ]
    return [row for row in steering_effects(rows, prompts, {1: [" a"]}) if row["metric"] == "steering_score"]


def test_the_best_strength_is_chosen_on_one_half_and_its_effect_reported_on_the_other():
    """Strength 3 is best on the selecting half and worst on the other: the report does not look."""
    selecting, report = (0, 2, 4), (1, 3, 5)
    scores = {(3.0, n): 0.9 for n in selecting} | {(3.0, n): 0.1 for n in report}
    scores |= {(5.0, n): 0.2 for n in selecting} | {(5.0, n): 0.8 for n in report}
    found = effect_rows(scores, [None] * 6)
    assert {row["strength"] for row in found if row["is_best"]} == {3.0}
    [reported] = [row for row in found if row["is_best"] and row["split"] == "report"]
    assert reported["value"] == pytest.approx(0.1)
    assert (reported["ci_low"], reported["ci_high"]) == (pytest.approx(0.1), pytest.approx(0.1))


def test_prompts_of_one_group_are_drawn_together_and_stay_on_one_side():
    """Within each group the scores cancel out: only where prompts are drawn one by one is there any spread."""
    scores = {(3.0, n): 0.5 + (0.4 if n % 2 else -0.4) for n in range(8)}
    grouped = {row["split"]: row for row in effect_rows(scores, "aabbccdd")}
    assert grouped["all"]["ci_low"] == pytest.approx(0.5)
    assert grouped["all"]["ci_high"] == pytest.approx(0.5)
    alone = {row["split"]: row for row in effect_rows(scores, [None] * 8)}
    assert alone["all"]["ci_low"] < 0.4 < 0.6 < alone["all"]["ci_high"]
    assert selecting_prompts(prompts_of_groups("aabbcc")) == {0, 1, 4, 5}
