"""A feature's page lists what it reads and writes to, the most first; an experiment's page the largest shares."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient
from synthetic_store import SyntheticStore

from sql.publish import publish
from web.app import app


def weight(source: int, target: int, share: float, upstream: int | None, downstream: int | None, n: int = 40) -> dict:
    return {
        "source_recipe_id": "mid",
        "source_feature_id": source,
        "target_recipe_id": "mid",
        "target_feature_id": target,
        "virtual_weight": share / 2,
        "expected_weight": 2 * share,
        "share": share,
        "n_together": n,
        "source_place": upstream,
        "target_place": downstream,
    }


PAIRS = [
    weight(0, 3, 0.5, 0, 0),
    weight(1, 3, -0.25, 1, 0),
    weight(2, 3, 0.125, None, 0),
    weight(3, 5, 0.75, 0, 1, n=2),
    weight(3, 7, 0.875, 0, 0),
]


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory, read: Callable[[str], Any]) -> Callable[[str], Any]:
    home = tmp_path_factory.mktemp("weights")
    store = SyntheticStore(str(home))
    store.write_model("demo")
    store.write_sae("demo", "mid", codes=False)
    store.write_experiment("demo", "asked", {"global_weight": PAIRS})
    publish(home / "warehouse.duckdb", store.stored)
    pages = TestClient(app(home / "warehouse.duckdb"))
    return lambda path: read(pages.get(path).text)


def test_a_feature_lists_what_it_reads_and_brings(visit: Callable[[str], Any]) -> None:
    reads, brings = visit("/sae/demo/mid/3").section("global_weights").all("table")
    assert [row[0].text for row in reads.rows] == ["mid/0", "mid/1"], "not the third, whose place is beyond those kept"
    assert [row[0].text for row in brings.rows] == ["mid/7", "mid/5"]
    assert [float(row[2].one("data").attributes["value"]) for row in reads.rows] == [0.5, -0.25]
    assert not visit("/sae/demo/mid/9").all("section", id="global_weights")


def test_an_experiment_lists_pairs_that_fire_together_often(visit: Callable[[str], Any]) -> None:
    rows = visit("/experiments/demo/asked").section("global_weights").rows
    assert [(row[0].text, row[2].text) for row in rows] == [
        ("mid/3", "mid/7"), ("mid/0", "mid/3"), ("mid/1", "mid/3"), ("mid/2", "mid/3"),
    ]  # fmt: skip
