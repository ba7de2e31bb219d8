"""A method that is tried on one prompt says what a run of its card says, on the page as well, or why it cannot."""

from pathlib import Path

import pytest
from experiment_house import experiment_house, write_model_row
from starlette.testclient import TestClient

from models.experiments.settings_base import method_names, settings_of
from pipelines.experiments.experiment_run import run_experiment
from pipelines.serving.experiment_asker import ExperimentAsker
from pipelines.serving.model_hosts import ModelHosts
from pipelines.store.publication import publish_store
from pipelines.store.store import Store
from web.app import app

PROMPT = {"prompt": "return width", "answer": " *"}
ADDRESS = "/model/m/ask/logit_lens"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = experiment_house(tmp_path_factory.mktemp("house"), {"method": "logit_lens"}, [PROMPT])
    run_experiment(store, store.experiment("m/asked"))
    write_model_row(store)
    publish_store(store)
    return store


@pytest.fixture(scope="module")
def asker(store: Store) -> ExperimentAsker:
    return ExperimentAsker(ModelHosts(store))


@pytest.fixture(scope="module")
def pages(store: Store, asker: ExperimentAsker) -> TestClient:
    return TestClient(app(store.published, asker=asker))


def test_its_rows_are_those_of_a_run(store: Store, asker: ExperimentAsker):
    stages: list[str] = []
    answer = asker.ask("m", "logit_lens", PROMPT, stages.append)
    stored = store.tables.read_rows(store.layout.table_at("logit_lens", model_id="m", experiment_id="asked"))
    assert answer.tables["logit_lens"].to_pylist() == stored
    assert stages == ["loading the model", "running the model"]
    assert "answer: ' *'" in answer.cards


def test_every_method_that_works_prompt_by_prompt_is_offered(asker: ExperimentAsker):
    offered = {method.name: method for method in asker.methods("m")}
    for name in method_names():
        settings = settings_of(name)
        one_row = {"prompts", "contrast_pairs"} & set(settings.prompt_kinds)
        wanted = (
            bool(one_row) and settings.prompts_per_chunk is not None and settings.dictionary in ("none", "optional")
        )
        assert (name in offered) == wanted, name
        if wanted:
            assert {field.name for field in offered[name].fields} == set(settings.model_fields)


@pytest.mark.parametrize(
    ("method", "given", "wanted"),
    [
        ("logit_lens", {}, "wants prompt: fill it in"),
        ("logit_lens", {"prompt": "return", "answer": " qqqzzz"}, "is not one token behind the prompt"),
        ("logit_lens", {"prompt": "return", "set.top_tokens": "0"}, "top_tokens: wanted a whole number from 1 to 100"),
        ("logit_lens", {"prompt": "return", "set.top_tokens": "[1"}, "cannot be read: write it as in a card"),
        ("nothing", {"prompt": "return"}, "cannot be tried on m by hand"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(asker: ExperimentAsker, method: str, given: dict[str, str], wanted: str):
    with pytest.raises(ValueError, match=wanted.replace("[", r"\[")):
        asker.ask("m", method, given, lambda stage: None)


def test_more_passes_than_somebody_waits_for_are_refused(asker: ExperimentAsker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.serving.experiment_asker.MOST_PASSES", 0)
    with pytest.raises(ValueError, match="this costs 1 forward passes, and 0 are run while somebody waits"):
        asker.ask("m", "logit_lens", PROMPT, lambda stage: None)


def test_the_page_shows_what_the_experiment_s_page_shows(pages: TestClient):
    form = pages.get(ADDRESS)
    assert form.status_code == 200
    assert 'name="prompt"' in form.text
    assert 'name="set.top_tokens"' in form.text
    asked = pages.get(ADDRESS, params=PROMPT).text
    of_the_run = pages.get("/experiments/m/asked").text
    table = of_the_run[
        of_the_run.index('<table class="lens">') : of_the_run.index("</table>", of_the_run.index('"lens"'))
    ]
    assert table in asked
    assert "As a card, to repeat it on many prompts" in asked
    assert "How it was asked" not in asked


def test_the_page_says_what_is_wrong_and_keeps_what_was_typed(pages: TestClient):
    page = pages.get(ADDRESS, params={"prompt": "<b>return", "answer": " qqqzzz"})
    assert page.status_code == 200
    assert "is not one token behind the prompt" in page.text
    assert "&lt;b&gt;return</textarea>" in page.text
    unknown = pages.get("/model/m/ask/nothing")
    assert unknown.status_code == 404
    assert 'href="/model/m/ask/logit_lens"' in unknown.text


def test_another_site_has_nothing_run(pages: TestClient):
    page = pages.get(ADDRESS, params=PROMPT, headers={"sec-fetch-site": "cross-site"})
    assert "another site asked for this" in page.text
    assert '<table class="lens">' not in page.text


def test_pages_without_models_say_so(store: Store):
    page = TestClient(app(Path(store.published))).get(ADDRESS)
    assert page.status_code == 200
    assert "start them with `glasshouse serve`" in page.text
