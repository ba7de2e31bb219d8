"""Run in a copy of the tree that has added files: what the graph, the warehouse, the pages, the docs, the command line
and the tests of the copy say of them, as JSON. One process for all, for it takes seconds to start."""

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from command_line import glasshouse
from small_house import RECIPE, small_house
from starlette.testclient import TestClient

import models
from pipelines.definitions import defs
from pipelines.registry import card_documentation
from pipelines.runs.in_process import run_partition
from pipelines.store.store import Store
from sql.documentation import documentation
from sql.warehouse import connect
from web.app import app

SECTION = "    axis_share: {n_entries: %d}\n"
LABELS = "    explanations: {explainer: lexical, judge: lexical, scorers: [detection, rule_on_peak], features: 8}\n"
QUESTIONS = {
    "shares": "select feature_id, axis_share from axis_share order by feature_id",
    "scores": "select explanation_id, scorer, metric, value, is_headline from explanation_score",
    "labels": "select explanation_id, feature_id, headline_scores from feature_label",
    "summary": "select headline_scores from sae_summary",
    "ratings": "select explanation_id, interval_index, rating from specificity",
}


def answers(store: Store) -> dict[str, Any]:
    with closing(connect(store.published)) as con:
        con.execute("set threads = 1")
        found: dict[str, Any] = {name: con.execute(query).fetchall() for name, query in QUESTIONS.items()}
    pages = TestClient(app(store.published))
    shown = {1, *(feature for _, feature, _ in found["labels"])}
    return found | {"pages": {feature: pages.get(f"/sae/first/small/{feature}").text for feature in shown}}


def graph() -> dict[str, Any]:
    assets, key = defs.resolve_asset_graph(), dg.AssetKey("axis_share")
    jobs = ("harvest", "train", "label", "full_pipeline")
    return {
        "group": assets.get(key).group_name,
        "published": key in assets.get(dg.AssetKey("published_warehouse")).parent_keys,
        "jobs": {name: key in defs.resolve_job_def(name).asset_layer.executable_asset_keys for name in jobs},
    }


def chain(root: Path) -> dict[str, Any]:
    """The whole chain by a recipe that asks for three entries, and what a change to five makes again."""
    store = small_house(root, f"{RECIPE.rstrip()}\n".replace("16_384", "4_096") + LABELS + SECTION % 3)
    card = root / "registry" / "recipes" / "small.yaml"
    with dg.DagsterInstance.ephemeral() as instance:
        ran = run_partition(store, "first/small", instance)
        assert ran.success, ran.error
        first = answers(store)
        card.write_text(card.read_text().replace("n_entries: 3", "n_entries: 5"))
        again = run_partition(store, "first/small", instance, "train")
        assert again.success, again.error
    sae = str(store.layout.sae(store.registration("first/small")).path)
    return {"first": first, "second": answers(store), "remade": list(again.remade), "sae": sae}


def commands(root: Path) -> dict[str, Any]:
    """Exit code, output and errors of each; and the pages of what was imported."""
    asked = ("import", str(root / "dump"), "--model", "small", "--recipe", "counted")
    where = {
        "GLASSHOUSE_HOME": str(root / "imported"),
        "GLASSHOUSE_REGISTRY": str(root / "no_cards"),
        "GLASSHOUSE_WAREHOUSE": str(root / "imported.duckdb"),
    }
    (root / "no_cards" / "models").mkdir(parents=True)
    said = {"import": asked, "help": ("import", "--help"), "unknown": (*asked, "--format", "csv")}
    ran = {name: glasshouse(*command, **where) for name, command in said.items()}
    pages = TestClient(app(root / "imported.duckdb"))
    shown = {feature: pages.get(f"/sae/small/counted/{feature}").text for feature in range(3)}
    return {name: [each.returncode, each.stdout, each.stderr] for name, each in ran.items()} | {"pages": shown}


def main(root: Path) -> None:
    found = {"from": next(iter(models.__path__)), "graph": graph(), "commands": commands(root), **chain(root)}
    found["docs"] = {"docs/warehouse.md": documentation(), "docs/card-reference.md": card_documentation.documentation()}
    check = "tests/sql/test_labels_page.py::test_every_score_is_explained"
    found["check"] = int(pytest.main(["-q", "-p", "no:cacheprovider", "--assert=plain", "-p", "no:xdist", check]))
    (root / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
