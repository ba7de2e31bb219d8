"""Facts that a small model was trained to know are rewritten, paraphrases follow, other facts stay."""

import random
from pathlib import Path

import pytest
from tiny_facts import OBJECTS, Fact, facts, save_fact_model

from models.experiments.method import ExperimentInput
from models.experiments.methods.model_editing import METHOD
from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import PromptEncoder
from models.experiments.settings.model_editing import ModelEditingSettings
from models.language_model.hooked_model import HookedModel

N_EDITS, OTHER_SUBJECTS = 12, 6


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("facts")
    assert save_fact_model(folder / "model", folder / "texts.jsonl") >= 0.99
    return folder


def fact_prompts() -> list[Prompt]:
    """Twelve facts with a new object each: both paraphrases, six other subjects, the subject's three other facts."""
    chance, known, rows = random.Random(2), facts(), list[Prompt]()
    for fact in chance.sample(known, N_EDITS):
        new = chance.choice([each for each in OBJECTS[fact.relation] if each != fact.object])
        apart = [
            each
            for each in known
            if each.relation == fact.relation and each.subject != fact.subject and each.object != new
        ]
        own = [each for each in known if each.subject == fact.subject and each.relation != fact.relation]
        neighbors = [*chance.sample(apart, OTHER_SUBJECTS), *own]
        asked: list[tuple[str, Fact, int]] = [("rewrite", fact, 0), ("paraphrase", fact, 1), ("paraphrase", fact, 2)]
        for label, each, template in [*asked, *(("neighborhood", each, 0) for each in neighbors)]:
            rows.append(
                Prompt(
                    len(rows),
                    prompt=each.prompt(template),
                    answer=f" {each.object}",
                    foil=f" {new}",
                    subject=fact.subject if label == "rewrite" else None,
                    group=f"{fact.subject}-{fact.relation}",
                    label=label,
                )
            )
    return rows


@pytest.mark.slow
def test_twelve_facts_are_rewritten_and_their_neighbors_stay(model: Path):
    """Four minutes, nearly all of it training. One paraphrase of 24 and two neighbors of 108 may miss."""
    host = HookedModel.load(str(model / "model"), device="cpu")
    settings = ModelEditingSettings.model_validate(
        {
            "layer": 1,
            "fit_source": str(model / "texts.jsonl"),
            "fit_length": 8,
            "prefix_tokens": [2, 4],
            "covariance_tokens": 90_000,
            "ridge": 1e-6,
            "learning_rate": 0.05,
            "steps": 60,
            "weight_decay": 2,
            "new_tokens": 0,
            "loss_texts": 0,
            "baselines": ["random_direction"],
        }
    )
    encoder = PromptEncoder(host.tokenizer, ())
    given = ExperimentInput(host, settings, encoder.encode(fact_prompts(), needs_answer=True, needs_foil=True))
    METHOD.check(given)
    rows = METHOD.measure(given, given.prompts)
    metric = {(row["condition"], row["metric"]): row["value"] for row in rows["edit_metric"]}
    assert metric["unedited", "efficacy_score"] == 0
    assert metric["edited", "efficacy_score"] == 1
    assert metric["edited", "paraphrase_score"] >= 0.95
    assert metric["edited", "neighborhood_score"] >= 0.98
    assert metric["random_direction", "efficacy_score"] <= 0.5
    assert all(row["is_restored"] for row in rows["edit"])
