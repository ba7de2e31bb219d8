"""`glasshouse swap` shows the plain model and every swap, and the cards that it prints ask the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from complete_dictionary import complete_dictionary
from experiment_house import experiment_house, write_card
from typer.testing import CliRunner

from models.experiments.feature_dictionary import FeatureDictionary
from models.language_model.sites import Site
from pipelines.cli.main import app
from pipelines.experiments import experiment_input
from pipelines.registry.experiment_cards import experiment_cards

PAIR = ("for name, value", "for name, name", "--answer", " in", "--foil", " *")


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose dictionary `m/r` holds every coordinate and its opposite."""
    store = experiment_house(tmp_path, {"method": "logit_lens"})
    site = Site("resid_post", 1)
    write_card(tmp_path, "recipes/r", {"site": str(site), "sae": {"architecture": "topk", "n_features": 64, "k": 2}})
    for name, value in (("HOME", store.home), ("REGISTRY", store.registry), ("WAREHOUSE", store.warehouse)):
        monkeypatch.setenv(f"GLASSHOUSE_{name}", str(value))
    strongest_F = np.full(64, 4.0)
    made = FeatureDictionary("r", complete_dictionary(32), site, site, strongest_F, strongest_F / 1000)
    monkeypatch.setattr(experiment_input, "feature_dictionary", lambda store, named: made)


def answer(*words: str) -> Any:
    return CliRunner().invoke(app, ["swap", *words], env={"COLUMNS": "200"})


def test_the_pair_stands_beside_the_plain_model_and_random_pairs():
    shown = answer("m/r", *PAIR, "--off", "3", "--on", "7", "--strength", "2", "--random-pairs", "3")
    assert shown.exit_code == 0, shown.output
    assert "feature 3 off, feature 7 on" in shown.output
    firsts = [[cell.strip() for cell in line.split("│")[1:3]] for line in shown.output.splitlines() if "│" in line]
    assert firsts == [["none", ""], ["the pair", "2"], ["3 random pairs", "2"]]


def test_the_cards_that_it_prints_are_cards():
    printed = answer("m/r", *PAIR, "--off", "3", "--on", "7", "--card").output
    card = experiment_cards()["feature_swap"].model_validate(yaml.safe_load(printed.split("feature-swap.yaml\n")[1]))
    assert card.recipe == "r"
    assert card.method_settings.model_dump()["pairs"] == [(3, 7)]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("m", *PAIR), "is no dictionary"),
        (("m/r", *PAIR, "--off", "3"), "name both --off and --on"),
        (("m/r", *PAIR, "--off", "3", "--on", "64"), "there is no feature 64"),
        (("m/r", "for", *PAIR[1:]), "clean has"),
    ],
)
def test_what_cannot_be_swapped_is_said(words: tuple[str, ...], wanted: str):
    refused = answer(*words)
    assert refused.exit_code
    assert wanted in f"{refused.output} {refused.exception}"
