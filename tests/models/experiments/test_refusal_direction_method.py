"""Refusal directions by the method, on a model in which refusal is planted: which direction it is, and what it does."""

from pathlib import Path
from typing import Any

import pytest
import torch
from refusing_gpt2 import HARMFUL, HARMLESS, REFUSE, instructions, refusing_gpt2

from models.experiments.method import ExperimentInput, Rows
from models.experiments.methods.refusal_direction import METHOD
from models.experiments.prompt import InvalidPrompt, Prompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.refusal_prompts import RefusalPrompts
from models.experiments.settings.refusal_direction import RefusalDirectionSettings
from models.language_model.hooked_model import HookedModel

Planted = tuple[HookedModel, torch.Tensor]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return refusing_gpt2(Path(tmp_path_factory.mktemp("refusing")))


def encoded() -> list[EncodedPrompt]:
    """The same token stands third of each; the last two are what a template puts behind an instruction."""
    ids = [(each, "harmful") for each in instructions(HARMFUL)] + [
        (each, "harmless") for each in instructions(HARMLESS)
    ]
    return [EncodedPrompt(Prompt(n, prompt="a", label=label), each, 0) for n, (each, label) in enumerate(ids)]


def given(host: HookedModel, **settings: Any) -> ExperimentInput[RefusalDirectionSettings]:
    refusal = host.tokenizer.decode([REFUSE])
    asked = {"refusal_tokens": [refusal], "refusal_phrases": [refusal], "new_tokens": 1, "most_kl": 1.0} | settings
    return ExperimentInput(host, RefusalDirectionSettings.model_validate(asked), encoded())


@pytest.fixture(scope="module")
def rows(planted: Planted) -> Rows:
    asked = given(planted[0])
    METHOD.check(asked)
    return METHOD.measure(asked, asked.prompts)


def test_the_planted_direction_is_chosen(planted: Planted, rows: Rows):
    [row] = rows["direction"]
    assert float(torch.cosine_similarity(torch.tensor(row["vector"]), planted[1], dim=0)) == pytest.approx(1, abs=1e-4)
    assert row["shuffled_norm"] < 0.5 * row["norm"]
    candidates = {(each["layer"], each["position"]): each for each in rows["refusal_candidate"]}
    assert set(candidates) == {(layer, position) for layer in range(3) for position in (-2, -1)}
    [chosen] = [each for each in candidates.values() if each["is_chosen"]]
    assert chosen["refusal_score"] == min(each["refusal_score"] for each in candidates.values() if each["is_possible"])


def test_refusal_goes_without_the_direction_and_comes_with_it(rows: Rows):
    rates = {(row["intervention"], row["label"]): row["refusal_rate"] for row in rows["refusal_effect"]}
    assert rates["none", "harmful"] == rates["add", "harmless"] == 1.0
    assert rates["ablate", "harmful"] == rates["orthogonalize", "harmful"] == rates["none", "harmless"] == 0.0
    by_hooks, by_weights = (
        [row["refusal_score"] for row in rows["refusal_effect"] if row["intervention"] == name]
        for name in ("ablate", "orthogonalize")
    )
    assert by_hooks == pytest.approx(by_weights, abs=1e-4)


def test_the_three_parts_share_no_prompt(planted: Planted):
    parts = RefusalPrompts.of(given(planted[0]))
    ids = [{p.prompt_id for p in (*part.refused, *part.other)} for part in (parts.train, parts.validation, parts.test)]
    assert [len(part) for part in ids] == [20, 10, 10]
    assert set.union(*ids) == set(range(40))


@pytest.mark.parametrize("limits", [{"most_kl": 0.0, "layers": [0]}, {"layer_share": 0.3, "layers": [1]}])
def test_a_direction_that_moves_too_much_else_or_comes_too_late_is_not_chosen(planted: Planted, limits: dict[str, Any]):
    asked = given(planted[0], **limits)
    found = METHOD.measure(asked, asked.prompts)
    assert found["direction"] == found["refusal_effect"] == []
    assert not any(row["is_possible"] for row in found["refusal_candidate"])


def test_a_refusal_that_is_not_one_token_is_refused(planted: Planted):
    with pytest.raises(InvalidPrompt, match="is not one token"):
        METHOD.check(given(planted[0], refusal_tokens=["def area(width, height)"]))
