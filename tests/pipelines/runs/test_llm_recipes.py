"""A recipe that asks an LLM, through the whole chain: no key is one sentence, no budget is rows that say so, and what
was asked is asked once."""

import re
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from messages_server import KEY, serving
from small_house import RECIPE, small_house
from starlette.testclient import TestClient
from tiny_models import save_tiny

from models.autointerp.config import ExplanationSettings
from models.autointerp.scorers import detection
from pipelines.labels.cost_estimate import estimate_cost, plan_table
from pipelines.labels.inputs import explained_identity, ratings_identity, scored_identity
from pipelines.labels.requested_features import request_labels, requested
from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.registry import Registry, SAERegistration
from pipelines.runs.in_process import RunResult, run_partition
from pipelines.serving.semantic_search import TextEmbedder, search_features
from pipelines.store.store import Store
from sql.query_output import format_table
from sql.warehouse import connect
from storage.manifest import Manifest, sha256_of
from web.app import app

ASKS = "explainer: anthropic, judge: lexical, llm: claude-haiku-4-5, features: 5"


def recipe(budget_usd: float) -> str:
    return f"{RECIPE.rstrip()}\n    explanations: {{{ASKS}, budget_usd: {budget_usd}}}\n"


@dataclass(frozen=True)
class ChainRun:
    """A run of the chain, and what it left."""

    store: Store
    run: RunResult
    made: dict[str, bool]
    explanations: list[dict[str, Any]]


def run_with(store: Store, text: str, instance: dg.DagsterInstance) -> ChainRun:
    """The chain under another recipe of the same dictionary, which is trained once."""
    (store.registry_folder / "recipes").write_bytes("small.yaml", textwrap.dedent(text).lstrip().encode())
    run, registration = run_partition(store, "first/small", instance), store.registration("first/small")
    made = {
        name: Manifest.read(store.layout.table(name, registration)) is not None
        for name in ("neighbor", "sae_metric", "explanation")
    }
    explanations = store.tables.read("explanation", registration).to_pylist() if made["explanation"] else []
    return ChainRun(store, run, made, explanations)


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance) -> ChainRun:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ANTHROPIC_API_KEY", raising=False)
        return run_with(small_house(tmp_path_factory.mktemp("asked")), recipe(1), instance)


@pytest.fixture(scope="module")
def penniless(keyless: ChainRun, instance: dg.DagsterInstance) -> ChainRun:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ANTHROPIC_API_KEY", raising=False)
        return run_with(keyless.store, recipe(0), instance)


def test_without_a_key_the_labels_fail_and_the_rest_goes_on(keyless: ChainRun):
    assert not keyless.run.success
    assert "MissingKey" in (keyless.run.error or "")
    assert "ANTHROPIC_API_KEY" in (keyless.run.error or "")
    assert keyless.made == {"neighbor": True, "sae_metric": True, "explanation": False}


def test_with_no_budget_every_label_says_over_budget(penniless: ChainRun):
    assert penniless.run.success, penniless.run.error
    assert penniless.run.failed_checks == ("explanations.label_failure_rate",)
    assert [(row["status"], row["label"]) for row in penniless.explanations] == [("over_budget", None)] * 5


SCORERS = "detection, fuzzing, simulation, embedding, surprisal, output"


@pytest.fixture(scope="module")
def everything(penniless: ChainRun, tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance):
    """Everything that a recipe can ask for, from a server on this machine that answers well."""
    root = tmp_path_factory.mktemp("encoder")
    asks = (
        "explainer: [lexical, anthropic], prompt_variants: [activations, logits, contrastive], judge: anthropic, "
        f"scorers: [{SCORERS}], llm: claude-haiku-4-5, budget_usd: 50, features: 5, features_per_request: 2, "
        f"sentence_encoder: {save_tiny('bert', root / 'encoder')}"
    )
    with serving() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_API_KEY", KEY)
        patch.setenv("ANTHROPIC_BASE_URL", server.url)
        all_asked = run_with(penniless.store, f"{RECIPE.rstrip()}\n    explanations: {{{asks}}}\n", instance)
        assert all_asked.run.success, all_asked.run.error
        yield penniless.store, server, instance


@pytest.fixture
def house(everything, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", everything[1].url)
    return everything


def rows(store: Store, query: str) -> list[tuple]:
    with connect(store.published) as con:
        return con.execute(query).fetchall()


def test_every_explainer_prompt_and_scorer_is_in_the_warehouse(house):
    store, _, _ = house
    assert rows(store, "select explainer, prompt, count(*) from explanation group by all order by all") == [
        ("anthropic", "activations", 5),
        ("anthropic", "contrastive", 5),
        ("anthropic", "logits", 5),
        ("lexical", None, 5),
    ]
    scorers = {name for (name,) in rows(store, "select distinct scorer from explanation_score")}
    assert scorers == {*SCORERS.split(", "), "specificity"}
    assert rows(store, "select count(*), count(distinct len(embedding)) from label_embedding") == [(20, 1)]
    assert rows(store, "select count(*) from specificity where reason is null") == [(0,)]


def test_the_spend_is_what_the_server_counted(house):
    store, server, _ = house
    [(n, tokens)] = rows(store, "select sum(n_requests), sum(n_tokens) from spend")
    assert (n, tokens) == (len(server.bodies), server.tally.tokens)
    labels = rows(store, "select sum(input_tokens + output_tokens) from explanation")
    assert labels == rows(store, "select sum(tokens) from llm_request where purpose = 'explain'")


def test_a_second_run_asks_nothing_and_a_requested_feature_only_for_itself(house):
    store, server, instance = house
    before = len(server.bodies)
    assert run_partition(store, "first/small", instance, "label").success
    assert len(server.bodies) == before
    registration = store.registration("first/small")
    labelled = {feature for (feature,) in rows(store, "select distinct feature_id from explanation")}
    alive = {feature for (feature,) in rows(store, "select feature_id from feature where not is_dead")}
    wanted = min(alive - labelled)
    lines = estimate_cost(store, registration, [wanted])
    assert sum(line.estimate.n_requests - line.estimate.n_answered for line in lines) > 0
    assert "claude-haiku-4-5" in {line.llm for line in lines}
    assert str(plan_table(lines)).startswith("<rich.table")
    assert len(server.bodies) == before, "a plan asks nothing"
    request_labels(store, registration, [wanted])
    assert run_partition(store, "first/small", instance, "label").success
    found = {feature for (feature,) in rows(store, "select distinct feature_id from explanation")}
    assert found == labelled | {wanted}
    shown = {name for body in server.bodies[before:] for name in (body["messages"][0]["content"],)}
    assert shown
    assert server.tally.sent_again == {}, "no question twice"


def test_asking_for_a_dead_feature_is_one_sentence(house, tmp_path: Path):
    store, _, _ = house
    registration = store.registration("first/small")
    before = requested(store, registration)
    for ask in (estimate_cost, request_labels):
        with pytest.raises(ValueError, match="features 999 were asked for, but never fire or do not exist"):
            ask(store, registration, [999])
    assert requested(store, registration) == before, "a request that cannot be met is not kept"


def test_search_knows_meanings_where_a_recipe_names_an_encoder(house):
    store, _, _ = house
    by_meaning = format_table(search_features(store.published, store.cards(), "nothing that stands in a label", 3))
    assert by_meaning.count("meaning") == 3
    by_text = format_table(search_features(store.published, store.cards(), "about `testing`", 3))
    assert "label" in by_text.splitlines()[2]
    cards = store.cards()
    silent = {
        name: card.model_copy(update={"explanations": type(card.explanations)()})
        for name, card in cards.recipes.items()
    }
    without = Registry(cards.models, silent, cards.errors)
    assert "meaning" not in format_table(search_features(store.published, without, "nothing that stands in a label", 3))
    with pytest.raises(ValueError, match="no recipe names a `sentence_encoder`"):
        TextEmbedder(lambda: without).of("x")


def test_the_pages_find_what_a_label_means_by_the_encoder_that_read_it(house):
    """A label itself is the text: nothing can be nearer to it than itself."""
    store, _, _ = house
    [(feature, label)] = rows(
        store, "select feature_id, label from feature_card where label is not null order by feature_id limit 1"
    )
    pages = TestClient(app(store.published, embedder=TextEmbedder(store.cards)))
    answer = pages.get("/search", params={"text": label, "meaning": "yes"}).text
    first = re.search(r'<section id="semantic_matches".*?<tbody>(.*?)</tr>', answer, re.DOTALL)
    assert first is not None, answer
    assert f"/sae/first/small/{feature}" in first[1] or label in first[1]
    assert float(re.findall(r'<data value="([^"]+)"', first[1])[0]) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("asked", "same"),
    [
        ({}, [True, True, False]),
        ({"explainer": "local"}, [False, True, False]),
        ({"judge": "local"}, [True, False, False]),
    ],
)
def test_another_version_of_a_model_makes_other_rows_of_those_who_ask_it(house, asked, same, monkeypatch):
    """Identities of labels, ratings and scores: the encoder reads labels for scores alone. What they read is made of
    the cards that ask."""

    def read(store: Store, some: SAERegistration, stage: StageIdentity) -> list[dict]:
        return [{**one.asked(some), "found": {}} for one in stage.inputs_of(some) if one.code_version is not None]

    monkeypatch.setattr("pipelines.labels.inputs._read", read)
    store, _, _ = house
    registration = store.registration("first/small")
    settings = registration.recipe.explanations
    settings = settings.model_copy(update={"local_llm": settings.sentence_encoder} | asked)
    registration = replace(registration, recipe=registration.recipe.model_copy(update={"explanations": settings}))

    def identities() -> list[str]:
        makers = (explained_identity, ratings_identity, scored_identity)
        return [sha256_of(make(store, registration)) for make in makers]

    before, trained_further = identities(), Path(settings.sentence_encoder or "") / "added.safetensors"
    trained_further.write_bytes(b"1")
    after = identities()
    trained_further.unlink()
    assert [one == other for one, other in zip(before, after, strict=True)] == same
    assert identities() == before


def test_what_any_scorer_reads_or_needs_is_part_of_the_identity_of_scores(house, monkeypatch: pytest.MonkeyPatch):
    """Settings that no scorer reads so far, read by one: its scores must not outlive them."""
    store, _, _ = house
    registration = store.registration("first/small")
    before = scored_identity(store, registration)["found"]["label_scores"]
    monkeypatch.setattr(ExplanationSettings, "llm_revision", "main", raising=False)
    monkeypatch.setattr("pipelines.labels.inputs.resolve_revision", lambda source, revision: f"{source} at {revision}")
    monkeypatch.setattr(detection, "SCORER", replace(detection.SCORER, reads=("llm",), needs=("api_mode",)))
    after = scored_identity(store, registration)["found"]["label_scores"]
    assert {*after["models"]} == {*before["models"], "llm"}
    assert after["models"]["llm"] == "claude-haiku-4-5 at main"
    assert {*after["scorers_read"]} == {*before["scorers_read"], "llm", "api_mode"}


def test_an_encoder_that_is_not_at_hand_is_not_downloaded_by_a_page(house):
    store, _, _ = house
    cards = store.cards()
    elsewhere = {
        name: card.model_copy(
            update={"explanations": card.explanations.model_copy(update={"sentence_encoder": "no/such"})}
        )
        for name, card in cards.recipes.items()
    }
    with pytest.raises(ValueError, match="the encoder no/such is not on this machine, and the pages download nothing"):
        TextEmbedder(lambda: Registry(cards.models, elsewhere, cards.errors)).of("x")
