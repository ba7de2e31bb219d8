"""One experiment from its cards to its tables: made once, made again for a reason, and whole after a kill."""

import dataclasses
from pathlib import Path

import pytest
from experiment_house import PROMPTS, experiment_house, write_card

from models.experiments import method as method_module
from models.experiments.methods import logit_lens
from models.experiments.prompt import InvalidPrompt
from models.experiments.settings.logit_lens import LogitLensSettings
from pipelines.experiments.experiment_run import planned_passes, run_experiment, table_folders
from pipelines.registry.cards import InvalidCard
from pipelines.store.store import Store
from pipelines.store.tables import MissingDataset
from storage.manifest import Manifest

CARD = {"method": "logit_lens"}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(LogitLensSettings, "prompts_per_chunk", 2)
    return experiment_house(tmp_path, CARD)


def rows_of(store: Store, table: str) -> list[dict]:
    return store.tables.read_rows(store.layout.table_at(table, model_id="m", experiment_id="asked"))


def test_it_is_made_once_and_again_when_what_it_is_made_from_changes(store: Store, tmp_path: Path):
    done = []
    first = run_experiment(store, store.experiment("m/asked"), lambda *step: done.append(step))
    assert done == [(2, 5), (4, 5), (5, 5)]
    assert first.remade_because == "nothing was there"
    assert run_experiment(store, store.experiment("m/asked")).remade_because is None
    [row] = rows_of(store, "experiment")
    assert (row["method"], row["n_prompts"], row["n_forward"], row["prompt_set_id"]) == ("logit_lens", 5, 5, "some")
    assert [prompt["answer"] for prompt in rows_of(store, "prompt")] == [prompt["answer"] for prompt in PROMPTS]
    n_tokens = sum(len(prompt["tokens"]) for prompt in rows_of(store, "prompt"))
    assert len(rows_of(store, "logit_lens")) == n_tokens * 4
    write_card(tmp_path, "experiments/asked", CARD | {"prompt_set": "some", "settings": {"positions": "last"}})
    again = run_experiment(store, store.experiment("m/asked"))
    assert "experiment.settings.positions was all, is last" in (again.remade_because or "")
    assert len(rows_of(store, "logit_lens")) == 5 * 4
    write_card(tmp_path, "prompt_sets/some", {"prompts": PROMPTS[:1]})
    assert "sha256 of prompts was" in (run_experiment(store, store.experiment("m/asked")).remade_because or "")
    assert len(rows_of(store, "prompt")) == 1


def test_a_killed_run_goes_on_after_its_last_chunk_and_ends_with_the_same_rows(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole = experiment_house(tmp_path / "whole", CARD)
    run_experiment(whole, whole.experiment("m/asked"))
    measured: list[list[int]] = []

    def dying(given, prompts):
        measured.append([prompt.prompt_id for prompt in prompts])
        if len(measured) == 3:
            raise KeyboardInterrupt
        return logit_lens._measure(given, prompts)

    real = method_module.method_of("logit_lens")
    monkeypatch.setattr(logit_lens, "METHOD", dataclasses.replace(real, measure=dying))
    with pytest.raises(KeyboardInterrupt):
        run_experiment(store, store.experiment("m/asked"))
    assert not rows_of(store, "logit_lens")
    run_experiment(store, store.experiment("m/asked"))
    assert measured == [[0, 1], [2, 3], [4], [4]]
    for table in ("logit_lens", "prompt"):
        assert rows_of(store, table) == rows_of(whole, table), table
    assert not store.layout.experiment_chunks("m", "asked").files_below(), "the chunks are gone"


def test_chunks_of_another_card_are_not_taken(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = method_module.method_of("logit_lens")

    def dying(given, prompts):
        if prompts[0].prompt_id:
            raise KeyboardInterrupt
        return logit_lens._measure(given, prompts)

    monkeypatch.setattr(logit_lens, "METHOD", dataclasses.replace(real, measure=dying))
    with pytest.raises(KeyboardInterrupt):
        run_experiment(store, store.experiment("m/asked"))
    monkeypatch.setattr(logit_lens, "METHOD", real)
    write_card(tmp_path, "experiments/asked", CARD | {"prompt_set": "some", "settings": {"positions": "last"}})
    run_experiment(store, store.experiment("m/asked"))
    assert len(rows_of(store, "logit_lens")) == 5 * 4


def test_what_it_would_cost_is_said_without_a_row(store: Store):
    plan = planned_passes(store, store.experiment("m/asked"))
    assert (plan.n_prompts, plan.passes.forward, plan.passes.backward) == (5, 5, 0)
    folders = table_folders(store, store.experiment("m/asked")).values()
    assert not any(Manifest.read(folder) for folder in folders)


def test_a_prompt_that_cannot_be_asked_fails_before_anything_is_written(store: Store, tmp_path: Path):
    write_card(tmp_path, "prompt_sets/some", {"prompts": [*PROMPTS, {"prompt": "a", "answer": " qqqzzz"}]})
    with pytest.raises(InvalidPrompt, match="row 5: answer ' qqqzzz' is not one token"):
        run_experiment(store, store.experiment("m/asked"))
    assert not store.layout.root.exists("experiment_chunks")


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("experiments/asked", {"method": "logit_lense", "prompt_set": "some"}, "there is no method 'logit_lense'"),
        ("experiments/asked", {"method": "logit_lens", "prompt_set": "none"}, "none is not in prompt_sets"),
        ("experiments/asked", {"method": "logit_lens", "prompt_set": "some", "models": ["x"]}, "x is not in models"),
        ("experiments/asked", CARD | {"prompt_set": "some", "settings": {"postions": "all"}}, "nearest is positions"),
        ("experiments/asked", CARD | {"prompt_set": "some", "recipe": "r"}, "r is not in recipes"),
        ("prompt_sets/some", {"prompts": [], "source": None}, "either `prompts`"),
        ("prompt_sets/some", {"kind": "labelled", "prompts": [{"prompt": "a"}]}, "label is missing"),
    ],
)
def test_a_card_that_cannot_be_meant_is_said(store: Store, tmp_path: Path, name: str, values: dict, wanted: str):
    write_card(tmp_path, name, values)
    errors = store.cards().errors
    assert list(errors) == [f"{name}.yaml"] or "asked" in str(errors)
    assert wanted in "\n".join(errors.values())


def test_an_unknown_partition_is_named(store: Store):
    with pytest.raises(InvalidCard, match=r"there is no experiments/nothing\.yaml; known: asked"):
        store.experiment("m/nothing")


def test_a_recipe_that_was_not_made_yet_is_missing_not_empty(store: Store, tmp_path: Path):
    from pipelines.store.experiment_identity import experiment_identity

    write_card(
        tmp_path, "recipes/r", {"site": "resid_post.0", "sae": {"architecture": "topk", "n_features": 8, "k": 2}}
    )
    registration = store.experiment("m/asked")
    named = dataclasses.replace(registration, card=registration.card.model_copy(update={"recipe": "r"}))
    with pytest.raises(MissingDataset, match="materialize"):
        experiment_identity(store, named)
