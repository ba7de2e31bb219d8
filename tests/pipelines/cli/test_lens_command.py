"""`glasshouse lens` says what the method says, and the cards that it prints repeat it."""

from pathlib import Path

import pytest
from experiment_house import experiment_house
from typer.testing import CliRunner

from models.experiments.prompt import Prompt
from pipelines.cli.main import app
from pipelines.experiments.by_hand import HandQuestion
from pipelines.experiments.experiment_run import run_experiment
from pipelines.store.store import Store

QUESTION = HandQuestion("logit_lens", "m", (Prompt(0, prompt="return width", answer=" *"),), settings={"top_tokens": 2})


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    store = experiment_house(tmp_path, {"method": "logit_lens"})
    for name, value in (("HOME", store.home), ("REGISTRY", store.registry), ("WAREHOUSE", store.warehouse)):
        monkeypatch.setenv(f"GLASSHOUSE_{name}", str(value))
    return store


def test_the_cards_that_are_printed_give_the_rows_that_were_shown(store: Store, tmp_path: Path):
    by_hand = QUESTION.ask(store).rows["logit_lens"]
    prompts, experiment = QUESTION.cards(store).split("\n\n")
    (tmp_path / "registry/prompt_sets/by-hand.yaml").write_text(prompts)
    (tmp_path / "registry/experiments/asked.yaml").write_text(experiment)
    run_experiment(store, store.experiment("m/asked"))
    stored = store.tables.read_rows(store.layout.table_at("logit_lens", model_id="m", experiment_id="asked"))
    assert len(stored) == len(by_hand)
    for row, other in zip(stored, by_hand, strict=True):
        assert {name: value for name, value in row.items() if value is not None} == dict(other)


def test_the_table_is_of_every_block_and_the_answer(store: Store):
    shown = CliRunner().invoke(app, ["lens", "m", "return width", "--answer", " *"])
    assert shown.exit_code == 0, shown.output
    assert [line.split("│")[1].strip() for line in shown.output.splitlines() if line.startswith("│")] == [
        "2", "1", "0", "none",
    ]  # fmt: skip
    assert "rank" in shown.output
    card = CliRunner().invoke(app, ["lens", "m", "return width", "--card"])
    assert "method: logit_lens" in card.output


def test_an_unknown_model_is_named(store: Store):
    answer = CliRunner().invoke(app, ["lens", "n", "return"])
    assert "no card models/n.yaml in the registry: there is m" in str(answer.exception)
