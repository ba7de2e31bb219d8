"""The pages of experiments show what the tables hold, and say what is not there."""

from pathlib import Path

import pytest
from experiment_house import experiment_house
from starlette.testclient import TestClient

from pipelines.experiments.experiment_run import run_experiment
from pipelines.store.publication import publish_store
from web.app import app


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    root = tmp_path_factory.mktemp("experiments")
    store = experiment_house(root, {"method": "logit_lens"}, [{"prompt": "<b>return", "answer": " width"}] * 7)
    run_experiment(store, store.experiment("m/asked"))
    assert not publish_store(store).violations
    return TestClient(app(Path(store.published)))


def test_all_experiments_are_listed_and_each_has_its_page(pages: TestClient):
    listed = pages.get("/experiments").text
    assert 'href="/experiments/m/asked"' in listed
    page = pages.get("/experiments/m/asked")
    assert page.status_code == 200
    assert "What would the model say next if it ended after each block?" in page.text
    assert "method: logit_lens" in page.text
    assert "prompt_set: some" in page.text
    assert "&lt;b&gt;return" in page.text
    assert "<b>return" not in page.text
    assert page.text.count('<table class="lens">') == 5


def test_prompts_are_shown_some_at_a_time(pages: TestClient):
    assert '?prompt=5">Later prompts' in pages.get("/experiments/m/asked").text
    later = pages.get("/experiments/m/asked?prompt=5").text
    assert later.count('<table class="lens">') == 2
    assert '?prompt=0">Earlier prompts' in later
    for strange in ("999999999", "-1", "x", "1e9", ""):
        assert pages.get("/experiments/m/asked", params={"prompt": strange}).status_code == 200


def test_an_unknown_experiment_is_said_with_those_there_are(pages: TestClient):
    page = pages.get("/experiments/m/askd")
    assert page.status_code == 404
    assert 'href="/experiments/m/asked"' in page.text
