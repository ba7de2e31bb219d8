"""A judge's ratings of what steering writes, from a server that speaks the Messages protocol."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from message_acts import Body
from messages_server import Fail, Messages, Say

from models.autointerp.completion_ratings import harmonic_mean
from models.autointerp.llm_access import provider_llm
from models.autointerp.llm_client.provider_access import ProviderAccess
from models.autointerp.prompt_files import prompt_text
from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.steering import SteeringSettings
from models.experiments.steering_effects import steering_effects
from models.experiments.steering_ratings import rated_completions
from storage.folder import Folder

PROMPTS = [EncodedPrompt(Prompt(n, prompt=f"Tell me of day {n}.", group=f"g{n}"), (1,), 0) for n in range(4)]
TEXTS = {1.0: "It rained.", 3.0: "It rained on the river.", 5.0: "river river river river"}
"""By strength: without the concept, with it and fluent, and a loop that is mostly concept."""
WANTED = {"It rained.": (0, 2, 2), "It rained on the river.": (2, 2, 2), "river river river river": (2, 0, 0)}


def completions() -> list[dict[str, Any]]:
    return [
        {"recipe_id": "r", "feature_id": 7, "condition": "feature", "strength": strength, "prompt_id": prompt.prompt_id}
        | {"completion": text, "unsteered_completion": "It rained.", "split": "selection" if n % 2 == 0 else "report"}
        | dict.fromkeys(("target_log_probability", "surprise", "repetition", "kl"), 0.0)
        | {"steering_score": strength / 10}
        for n, prompt in enumerate(PROMPTS)
        for strength, text in TEXTS.items()
    ]


def said(number: int, body: Body) -> Say | Fail:
    """Reads the text out of its tag, and rates it by the table; of the last prompt it says nothing that can be read."""
    content = body["messages"][0]["content"]
    place = [prompt_text(f"steering_{name}") for name in ("concept", "instruction", "fluency")].index(body["system"])
    if "day 3" in content:
        return Fail(400, "invalid_request_error", message="not this one")
    text = re.findall(r'<text id="t1">(.*)</text>', content)[0]
    assert ("<concept>a river</concept>" in content) == (place == 0)
    assert ("<instruction>Tell me of day" in content) == (place == 1)
    return Say(json.dumps({"ratings": [{"id": "t1", "reason": "seen", "rating": WANTED[text][place]}]}))


@pytest.fixture
def rated(server: Messages, tmp_path) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Messages]:
    server.script = said
    settings = SteeringSettings.model_validate(
        {"judge": "anthropic", "llm": "claude-haiku-4-5", "budget_usd": 1}
    ).judging()
    assert settings is not None
    access = replace(ProviderAccess.from_environment(), first_delay=0.001)
    llm = provider_llm(settings, Folder(str(tmp_path / "ledger")), "experiment m/e", access)
    return *rated_completions(llm, completions(), PROMPTS, {7: "a river"}), server


def test_every_text_is_rated_by_three_questions_and_the_strength_chosen_by_their_mean(rated):
    rows, ratings, server = rated
    for row in rows:
        names = ("concept", "instruction", "fluency")
        found = tuple(row[f"judge_{name}"] for name in names)
        if row["prompt_id"] == 3:
            assert (found[1], row["judge_hmean"]) == (None, None)
        else:
            assert found == WANTED[row["completion"]]
            assert row["judge_hmean"] == {1.0: 0, 3.0: 2, 5.0: 0}[row["strength"]]
            assert tuple(row[f"unsteered_judge_{name}"] for name in names) == (0, 2, 2)
    assert len(ratings) == 3 * len(PROMPTS) * (len(TEXTS) + 1), "the plain text once a prompt"
    failed = [row for row in ratings if row["status"] != "ok"]
    assert {(row["prompt_id"], row["aspect"], row["status"]) for row in failed} == {(3, "instruction", "failed")}
    assert all(row["rating"] is None and "not this one" in row["error"] for row in failed)
    assert {row["reason"] for row in ratings if row["status"] == "ok"} == {"seen"}
    asked = {json.dumps(body, sort_keys=True) for body in server.bodies}
    assert len(asked) == 3 * 2 + 3 * 4, "concept and fluency of a text are one question whatever the prompt was"
    effects = list(steering_effects(rows, PROMPTS, {7: [" river"]}))
    assert {row["strength"] for row in effects if row["is_best"]} == {3.0}, "the score alone would take the loop"
    [best] = [r for r in effects if r["is_best"] and r["split"] == "report" and r["metric"] == "judge_hmean"]
    assert (best["value"], best["unsteered_value"], best["n_prompts"]) == (2, 0, 1), "of the prompt that was rated"


def test_one_rating_of_0_or_an_unknown_one_decides_the_mean():
    assert harmonic_mean({"concept": 1, "instruction": 2, "fluency": 2}) == pytest.approx(3 / (1 + 0.5 + 0.5))
    assert harmonic_mean({"concept": 0, "instruction": 2, "fluency": 2}) == 0
    assert harmonic_mean({"concept": None, "instruction": 2, "fluency": 2}) is None


def test_a_judge_that_cannot_be_asked_is_refused_by_the_card():
    with pytest.raises(ValueError, match="name the LLM and a budget"):
        SteeringSettings.model_validate({"judge": "anthropic"})
    with pytest.raises(ValueError, match="name it by local_llm"):
        SteeringSettings.model_validate({"judge": "local"})
