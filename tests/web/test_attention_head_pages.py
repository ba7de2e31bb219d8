"""The page of an experiment on attention heads shows scores, ablations and where heads look."""

import re
from pathlib import Path

import dagster as dg
import pytest
from experiment_house import experiment_house
from starlette.testclient import TestClient

from pipelines.experiments.experiment_run import run_experiment
from pipelines.store.publication import publish_store
from pipelines.store.store import Store
from web.app import app

SETTINGS = {"sequences": 2, "shortest_period": 5, "longest_period": 8, "longest_prefix": 2, "ablated_one_by_one": 3}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    card = {"method": "attention_heads", "settings": SETTINGS | {"pattern_threshold": 0}}
    store = experiment_house(tmp_path_factory.mktemp("heads"), card, [{"prompt": "return <b>width"}] * 2)
    with dg.instance_for_test():
        run_experiment(store, store.experiment("m/asked"))
    assert not publish_store(store).violations
    return store


@pytest.fixture(scope="module")
def page(store: Store) -> str:
    return TestClient(app(Path(store.published))).get("/experiments/m/asked").text


def section(page: str, name: str) -> str:
    return page.split(f'id="{name}"')[1].split("<section")[0]


def test_every_score_has_a_map_of_every_head(page: str):
    shown = section(page, "head_scores")
    assert shown.count('<svg class="plot heat"') == 8
    assert shown.count("<title>head 2.3:") == 8
    assert shown.count("<rect") == 8 * 12 - 2 * 4, "block 0 has nothing behind a block 0"
    assert "No head is above chance" in shown


def test_ablations_are_bars_in_both_modes(page: str, store: Store):
    shown = section(page, "head_ablations")
    assert shown.count('<svg class="plot" role="img"') == 2
    assert shown.count('<rect class="bar"') == 2 * 3
    rows = store.tables.read_rows(store.layout.table_at("head_ablation", model_id="m", experiment_id="asked"))
    assert f"{rows[0]['second_loss']:.4g}" in shown


def test_four_heads_are_shown_in_each_prompt_token_by_token(page: str, store: Store):
    shown = section(page, "attention_patterns")
    assert shown.count('<svg class="plot heat"') == 2 * 4
    [prompt, _] = store.tables.read_rows(store.layout.table_at("prompt", model_id="m", experiment_id="asked"))
    n = len(prompt["tokens"])
    assert shown.count("<rect") == 2 * 4 * n * (n + 1) // 2, "a threshold of 0 leaves out what no head can see"
    assert not re.findall("<b>w", shown)
