"""The method `attention_heads` from its card to its tables, and by hand."""

from pathlib import Path

import dagster as dg
import pytest
from experiment_house import PROMPTS, experiment_house
from typer.testing import CliRunner

from pipelines.cli.main import app
from pipelines.experiments.experiment_run import planned_passes, run_experiment
from pipelines.store.publication import publish_store
from pipelines.store.store import Store

SETTINGS = {
    "sequences": 3,
    "shortest_period": 6,
    "longest_period": 12,
    "longest_prefix": 4,
    "ablated_one_by_one": 2,
    "pattern_heads": ["0.1", "2.3"],
}
CARD = {"method": "attention_heads", "settings": SETTINGS}


def rows_of(store: Store, table: str) -> list[dict]:
    return store.tables.read_rows(store.layout.table_at(table, model_id="m", experiment_id="asked"))


def test_every_table_is_filled_and_published(tmp_path: Path):
    store = experiment_house(tmp_path, CARD, PROMPTS, "llama")
    with dg.instance_for_test():
        run_experiment(store, store.experiment("m/asked"))
    assert not publish_store(store).violations
    scores, ablations = rows_of(store, "head_score"), rows_of(store, "head_ablation")
    assert len(scores) == 12 * 8
    assert {row["n_averaged"] for row in scores if row["score"] == "induction"} == {3}
    assert not any(row["is_above"] for row in scores if row["score"] == "induction"), "weights are random"
    strongest = sorted((row for row in scores if row["score"] == "induction"), key=lambda row: -row["value"])[:2]
    assert [(row["ablated"], row["mode"]) for row in ablations] == [
        (name, mode)
        for mode in ("zero", "mean")
        for name in ("none", *(f"{row['layer']}.{row['head']}" for row in strongest))
    ]
    assert ablations[0]["change"] == 0
    assert len({row["second_loss"] for row in ablations}) == 1
    for row in ablations:
        assert row["change"] == pytest.approx(row["second_loss_ablated"] - row["second_loss"], abs=1e-6)
    patterns = rows_of(store, "attention_pattern")
    assert {(row["layer"], row["head"]) for row in patterns} == {(0, 1), (2, 3)}
    assert {row["prompt_id"] for row in patterns} == set(range(len(PROMPTS)))


def test_what_it_would_cost_is_what_it_costs_where_no_head_is_inductive(tmp_path: Path):
    store = experiment_house(tmp_path, CARD)
    planned = planned_passes(store, store.experiment("m/asked")).passes.forward
    on_sequences = 4 + 2 * (1 + 2 + 1 + 3)  # scores, losses; in both modes: none, two heads, all of them, controls
    assert planned == len(PROMPTS) + 3 * on_sequences + (1 + 4) * (128 + 1)


@pytest.mark.parametrize(
    ("kind", "settings", "wanted"),
    [
        ("gpt2", {"longest_period": 60, "longest_prefix": 20}, "the longest sequence has 140 tokens"),
        ("gpt2", {"shortest_period": 12}, "wanted several"),
        ("gpt2", {"pattern_heads": ["3.0"]}, "there is no head 3.0: blocks are 0 to 2, with 4 heads each"),
        ("gpt2", {"pattern_heads": ["first"]}, "'first' names no head"),
        ("gpt_neo", {}, "its attention cannot be read"),
        ("bert", {}, "predicts no next token"),
    ],
)
def test_what_cannot_be_asked_is_said_before_any_pass(tmp_path: Path, kind: str, settings: dict, wanted: str):
    store = experiment_house(tmp_path, CARD | {"settings": SETTINGS | settings}, [{"prompt": "return width"}], kind)
    with pytest.raises(ValueError, match=wanted):
        run_experiment(store, store.experiment("m/asked"))


def test_by_hand_the_heads_are_shown_and_the_card_repeats_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = experiment_house(tmp_path, CARD)
    for name, value in (("HOME", store.home), ("REGISTRY", store.registry), ("WAREHOUSE", store.warehouse)):
        monkeypatch.setenv(f"GLASSHOUSE_{name}", str(value))
    arguments = ["heads", "m", "return width", "--sequences", "2", "--ablate", "1", "--longest-period", "12"]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "induction" in shown.output
    assert "on the first copy" in shown.output
    assert not (tmp_path / "data" / "tables").exists(), "nothing is stored"
    card = CliRunner().invoke(app, [*arguments, "--card"]).output
    assert "method: attention_heads" in card
    assert "longest_period: 12" in card
