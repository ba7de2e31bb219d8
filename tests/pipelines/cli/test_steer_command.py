"""`glasshouse steer` shows the steered text beside the plain one, and the cards that it prints ask the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from experiment_house import experiment_house, write_card
from typer.testing import CliRunner

from models.dictionaries.config import SAESettings
from models.dictionaries.registry import architecture
from models.experiments.feature_dictionary import FeatureDictionary
from models.language_model.sites import Site
from pipelines.cli.main import app
from pipelines.experiments import experiment_input
from pipelines.registry.experiment_cards import experiment_cards


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose dictionary `m/r` was never trained: random directions, of which 3 is dead."""
    import torch

    store = experiment_house(tmp_path, {"method": "logit_lens"})
    write_card(
        tmp_path, "recipes/r", {"site": "resid_post.1", "sae": {"architecture": "topk", "n_features": 8, "k": 2}}
    )
    for name, value in (("HOME", store.home), ("REGISTRY", store.registry), ("WAREHOUSE", store.warehouse)):
        monkeypatch.setenv(f"GLASSHOUSE_{name}", str(value))
    settings = SAESettings.model_validate({"architecture": "topk", "n_features": 8, "k": 2})
    sae = architecture("topk").build(settings, 32, torch.Generator().manual_seed(0))
    strongest_F = np.array([9.0, 9, 9, 0, 9, 9, 9, 9])
    made = FeatureDictionary("r", sae, Site("resid_post", 1), Site("resid_post", 1), strongest_F, strongest_F / 1000)
    monkeypatch.setattr(experiment_input, "feature_dictionary", lambda store, named: made)


def answer(*words: str) -> Any:
    return CliRunner().invoke(app, ["steer", "m/r", *words, "--new-tokens", "5"], env={"COLUMNS": "200"})


def test_each_strength_is_a_row_beside_the_plain_text():
    shown = answer("2", "return width", "--strength", "3", "--strength", "10")
    assert shown.exit_code == 0, shown.output
    firsts = [line.split("│")[1:3] for line in shown.output.splitlines() if line.startswith("│")]
    assert [(name.strip(), strength.strip()) for name, strength in firsts if name.strip()] == [
        ("plain", ""), ("feature", "3"), ("feature", "10"),
    ]  # fmt: skip
    assert "target: " in shown.output
    assert "random direction" in answer("2", "return width", "--baselines").output


def test_the_cards_that_it_prints_are_cards():
    printed = answer("2", "return width", "--kind", "add", "--card").output
    card = experiment_cards()["steering"].model_validate(yaml.safe_load(printed.split("by-hand-steering.yaml\n")[1]))
    assert card.recipe == "r"
    assert card.method_settings.model_dump()["kind"] == "add"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("3", "return"), "feature 3 of r never fired"),
        (("8", "return"), "there is no feature 8"),
        (("2", "return", "--kind", "double"), "kind"),
    ],
)
def test_what_cannot_be_steered_is_said(words: tuple[str, ...], wanted: str):
    refused = answer(*words)
    assert refused.exit_code
    assert wanted in f"{refused.output} {refused.exception}"
