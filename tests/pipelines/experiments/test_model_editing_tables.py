"""Model editing from cards to tables, and `glasshouse edit`, on a random model; the arithmetic has tests of its own."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from experiment_house import experiment_house, write_card
from typer.testing import CliRunner

from models.experiments import stored_covariances
from models.experiments.methods.model_editing import METHOD
from models.experiments.prompt import InvalidPrompt
from models.interventions.model_editing.down_projection import InvalidEdit
from models.interventions.model_editing.edit_measures import next_token_probabilities
from models.interventions.model_editing.rank_one_edit import RankOneEdit
from models.language_model.hooked_model import HookedModel
from pipelines.cli.main import app
from pipelines.experiments.experiment_input import experiment_input
from pipelines.experiments.experiment_run import run_experiment
from pipelines.registry.experiment_cards import experiment_cards
from pipelines.store.store import Store

REWRITE = {"group": "area", "label": "rewrite", "prompt": "def area(width,", "subject": "area"}
OBJECTS = {"answer": " height", "foil": " value"}
PROMPTS = [
    REWRITE | OBJECTS,
    {"group": "area", "label": "paraphrase", "prompt": "print(area,"} | OBJECTS,
    {"group": "area", "label": "neighborhood", "prompt": "return width", "answer": " *", "foil": " value"},
]
SETTINGS = {
    "covariance_tokens": 200,
    "fit_length": 16,
    "prefixes": 2,
    "steps": 2,
    "noise_seeds": 2,
    "new_tokens": 3,
    "loss_texts": 2,
    "ridge": 0.01,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = tmp_path_factory.mktemp("editing")
    corpus = root / "texts.jsonl"
    texts = [f"def area{n}(width, height): return width * {n}\n" * 6 for n in range(40)]
    corpus.write_text("\n".join(json.dumps({"text": text}) for text in texts))
    settings = SETTINGS | {"fit_source": str(corpus)}
    store = experiment_house(root, {"method": "model_editing", "settings": settings})
    write_card(root, "prompt_sets/some", {"kind": "labelled", "prompts": PROMPTS})
    card = {"source": str(root / "weights"), "corpus": {"source": str(corpus)}}
    write_card(root, "models/m", card)
    return store


@pytest.fixture(scope="module")
def tables(store: Store) -> dict[str, list[dict[str, Any]]]:
    run_experiment(store, store.experiment("m/asked"))
    names = ("edit", "edit_effect", "edit_fluency", "edit_metric", "patching_effect")
    at = {name: store.layout.table_at(name, model_id="m", experiment_id="asked") for name in names}
    return {name: store.tables.read_rows(folder) for name, folder in at.items()}


@pytest.fixture(autouse=True)
def house(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("HOME", store.home), ("REGISTRY", store.registry), ("WAREHOUSE", store.warehouse)):
        monkeypatch.setenv(f"GLASSHOUSE_{name}", str(value))


def test_every_state_of_the_weights_is_measured_and_taken_back(tables: dict[str, list[dict[str, Any]]]):
    edits = {row["condition"]: row for row in tables["edit"]}
    assert set(edits) == {"edited", "other_layer", "random_direction"}
    assert all(row["is_restored"] for row in edits.values())
    random, made = edits["random_direction"], edits["edited"]
    assert random["update_norm"] == pytest.approx(made["update_norm"], rel=1e-5)
    assert random["u"] == made["u"]
    assert made["layer"] == max(tables["patching_effect"], key=lambda row: row["effect"])["layer"]
    assert [row["layer"] for row in tables["patching_effect"]] == [0, 1, 2]
    states = {"unedited", *edits}
    assert {(row["condition"], row["prompt_id"]) for row in tables["edit_effect"]} == {
        (state, prompt) for state in states for prompt in range(3)
    }
    written = {row["condition"]: row for row in tables["edit_fluency"]}
    assert set(written) == states
    assert all(row["n_tokens"] <= 3 and row["corpus_loss"] > 0 for row in written.values())


def test_the_stored_vectors_give_the_probabilities_that_were_measured(
    store: Store, tables: dict[str, list[dict[str, Any]]]
):
    host = HookedModel.load(store.experiment("m/asked").model.source, device="cpu")
    made = next(row for row in tables["edit"] if row["condition"] == "edited")
    vectors = torch.tensor(made["u"]), torch.tensor(made["dv"])
    ids = [host.tokenizer(prompt["prompt"])["input_ids"] for prompt in PROMPTS]
    new = host.tokenizer(" value")["input_ids"][0]
    with RankOneEdit(made["layer"], made["module"], host.weights_sha256, *vectors).applied(host):
        likely = next_token_probabilities(host, ids)[:, new].tolist()
    edited = [row for row in tables["edit_effect"] if row["condition"] == "edited"]
    assert [row["new_probability"] for row in edited] == pytest.approx(likely, abs=1e-6)
    for row in edited:
        lead = row["new_probability"] - row["true_probability"]
        assert row["is_success"] == (lead > 0 if row["split"] != "neighborhood" else lead < 0)


def test_shares_and_magnitudes_are_means_over_prompts(tables: dict[str, list[dict[str, Any]]]):
    metric = {(row["condition"], row["metric"]): row for row in tables["edit_metric"]}
    for row in tables["edit_effect"]:  # one prompt of each split
        name = {"rewrite": "efficacy"}.get(row["split"], row["split"])
        score, magnitude = (metric[row["condition"], f"{name}_{kind}"] for kind in ("score", "magnitude"))
        assert score["value"] == row["is_success"]
        assert 0 <= score["ci_low"] <= score["value"] <= score["ci_high"] <= 1
        assert magnitude["value"] == pytest.approx(row["magnitude"])
        assert (magnitude["ci_low"], score["n_facts"], score["n_prompts"]) == (None, 1, 1)


def test_a_covariance_is_taken_from_the_store_while_model_and_text_are_the_same(
    store: Store, tables: dict[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
):
    given = experiment_input(store, store.experiment("m/asked"))
    monkeypatch.setattr(stored_covariances, "key_covariances", lambda *_: pytest.fail("it was there"))
    again = METHOD.measure(given, given.prompts)
    for row, stored in zip(again["edit"], tables["edit"], strict=True):
        assert row["u"] == pytest.approx(stored["u"], rel=1e-4, abs=1e-6)
    assert [row["is_success"] for row in again["edit_effect"]] == [row["is_success"] for row in tables["edit_effect"]]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"label": "rewritten"}, "row 0 has label 'rewritten', wanted rewrite, paraphrase, neighborhood"),
        ({"label": "paraphrase"}, "group 'area' has 0 rows labelled rewrite, wanted one"),
        ({"group": None}, "row 0 has no group"),
        ({"subject": None}, "row 0 has no subject"),
        ({"subject": "volume"}, "the subject 'volume' does not stand in the prompt"),
        ({"foil": " a value"}, "foil ' a value' is not one token behind the prompt"),
        ({"foil": " name"}, "row 1: foil ' value' is another token than that of row 0"),
        ({"prompt": "def area(" + "width, " * 62, "answer": "height", "foil": "value"}, "and the model reads 128"),
    ],
)
def test_a_fact_that_cannot_be_edited_is_refused(store: Store, change: dict[str, Any], wanted: str):
    prompts = [{k: v for k, v in (PROMPTS[0] | change).items() if v is not None}, *PROMPTS[1:]]
    root = Path(str(store.registry)).parent
    write_card(root, "prompt_sets/changed", {"kind": "labelled", "prompts": prompts})
    write_card(root, "experiments/changed", {"method": "model_editing", "prompt_set": "changed"})
    with pytest.raises((InvalidPrompt, InvalidEdit)) as refused:
        experiment_input(store, store.experiment("m/changed"))
    assert wanted in str(refused.value)


def edit(*options: str) -> Any:
    words = ["edit", "m", "area", "def {}(width,", " value", "--neighbor", "return width", "--tokens", "200"]
    return CliRunner().invoke(app, [*words, *options], env={"COLUMNS": "200"})


def test_by_hand_the_edited_model_is_saved_as_a_new_arrival(store: Store, tmp_path: Path):
    shown = edit("--layer", "1", "--save", str(tmp_path / "new"))
    assert shown.exit_code == 0, f"{shown.output} {shown.exception}"
    assert "block 1, transformer.h.1.mlp.c_proj" in shown.output
    card = yaml.safe_load(shown.output.split("m-edited.yaml\n")[1])
    assert card["source"] == str(tmp_path / "new")
    plain, host = (
        HookedModel.load(source, device="cpu") for source in (store.experiment("m/asked").model.source, card["source"])
    )
    made = RankOneEdit.load(tmp_path / "new" / "edit.safetensors")
    with made.applied(plain):
        assert torch.equal(plain.model.get_submodule(made.module).weight, host.model.get_submodule(made.module).weight)


def test_the_cards_that_it_prints_are_cards():
    printed = edit("--card").output
    prompts, card = (
        yaml.safe_load(part) for part in printed.split("\n# registry/experiments/by-hand-model-editing.yaml\n")
    )
    assert [row["label"] for row in prompts["prompts"]] == ["rewrite", "neighborhood"]
    assert prompts["prompts"][0]["prompt"] == "def area(width,"
    assert experiment_cards()["model_editing"].model_validate(card).method_settings.model_dump()["layer"] == "auto"


def test_a_prompt_without_a_place_for_the_subject_is_refused():
    refused = CliRunner().invoke(app, ["edit", "m", "area", "def area(width,", " value"])
    assert refused.exit_code
    assert "has no {}" in refused.output
