"""A recipe that asks an LLM, through the whole chain: no key is one sentence, no budget is rows that say so."""

import dagster as dg
from small_house import RECIPE, small_house

from models.manifest import Manifest
from pipelines.chain import run_chain

ASKS = "explainer: anthropic, judge: lexical, llm: claude-haiku-4-5, features: 5"


def recipe(budget_usd: float) -> str:
    return f"{RECIPE.rstrip()}\n    explanations: {{{ASKS}, budget_usd: {budget_usd}}}\n"


def test_without_a_key_the_labels_fail_and_the_rest_goes_on(tmp_path):
    store = small_house(tmp_path, recipe(1))
    with dg.DagsterInstance.ephemeral() as instance:
        ran = run_chain(store, "first/small", instance)
    assert not ran.success
    assert "MissingKey" in (ran.error or "")
    assert "ANTHROPIC_API_KEY" in (ran.error or "")
    registration = store.registration("first/small")
    made = {
        name: Manifest.read(store.table(name, registration)) is not None
        for name in ("neighbor", "sae_metric", "explanation")
    }
    assert made == {"neighbor": True, "sae_metric": True, "explanation": False}


def test_with_no_budget_every_label_says_over_budget(tmp_path):
    store = small_house(tmp_path, recipe(0))
    with dg.DagsterInstance.ephemeral() as instance:
        ran = run_chain(store, "first/small", instance)
    assert ran.success, ran.error
    assert ran.failed_checks == ("explanations.labelled",)
    rows = store.read_table("explanation", store.registration("first/small")).to_pylist()
    assert [(row["status"], row["label"]) for row in rows] == [("over_budget", None)] * 5
