"""A feature of a graph is changed in the model from the page: through the queue, with the states of other questions."""

from dataclasses import dataclass
from typing import Any

import pytest
from starlette.testclient import TestClient

from web.app import app

GRAPH = "/experiments/demo/asked/graph/0"
CHANGE = f"{GRAPH}/change"


@dataclass(frozen=True)
class Moved:
    token: str
    predicted: float
    held: float
    free: float


class Changer:
    """Stands in for a model: what is asked comes back as numbers; a factor of 7 is refused."""

    def change(self, graph: Any, node: Any, factor: float, report: Any) -> list[Moved]:
        assert graph == {"model_id": "demo", "experiment_id": "asked", "prompt_id": 0}
        report("running")
        if factor == 7:
            raise ValueError("because <b>seven</b>")
        return [Moved("<i>", node.feature_id, node.layer, factor), Moved(" x", node.node_id, node.position, 0)]


@pytest.fixture(scope="module")
def changing(warehouse) -> TestClient:
    return TestClient(app(warehouse, graph_changer=Changer()))


def test_a_change_is_asked_of_the_node_and_shown_beside_the_prediction(changing, read):
    answer = changing.get(f"{CHANGE}?node=1&factor=-0.5")
    assert answer.headers["cache-control"] == "no-store"
    page = read(answer.text)
    assert page.one("h1").text == "tokens like int"
    rows = page.section("graph-change").rows
    assert [cell.text for cell in rows[0]] == ["<i>", "3", "1", "-0.5"]
    assert [cell.text for cell in rows[1]] == ["·x", "1", "2", "0"]
    assert page.one("form", action=CHANGE).one("input", name="factor").attributes["value"] == "-0.5"


def test_the_page_of_the_graph_offers_it_where_models_are_run(changing, visitor, read):
    page = read(changing.get(GRAPH).text)
    assert page.one("div", id="attribution-graph").attributes["data-changes"] == CHANGE
    links = [link.attributes["href"] for link in page.section("nodes").all("a")]
    assert f"{CHANGE}?node=1&factor=2" in links
    assert not any(CHANGE in link and "node=4&" in link for link in links), "an error is no feature"
    plain = visitor.get(GRAPH).text
    assert "/change" not in plain


def test_a_refusal_is_text(changing, read):
    page = read(changing.get(f"{CHANGE}?node=1&factor=7").text)
    assert page.section("graph-change").one("p").text == "because <b>seven</b>"
    assert not page.section("graph-change").all("table")


def test_another_site_makes_no_model_run(changing):
    answer = changing.get(f"{CHANGE}?node=1", headers={"sec-fetch-site": "cross-site"})
    assert "another site asked" in answer.text


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("node=4", "node 4 is no feature that this graph keeps"),
        ("node=3", "node 3 is no feature that this graph keeps"),
        ("", "is no feature that this graph keeps"),
        ("node=1&factor=nan", "a number between -100 and 100, not nan"),
        ("node=1&factor=1e9", "not 1e9"),
        ("node=1&factor=<b>", "not &lt;b&gt;"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(changing, asked, sentence):
    answer = changing.get(f"{CHANGE}?{asked}")
    assert answer.status_code == 404
    assert sentence in answer.text


def test_without_models_it_says_how_to_have_them(visitor):
    answer = visitor.get(f"{CHANGE}?node=1")
    assert answer.status_code == 503
    assert "glasshouse serve" in answer.text


def test_a_full_queue_says_so(warehouse, monkeypatch):
    full = app(warehouse, graph_changer=Changer())
    full.app.app.state.model_queue.most_waiting = -1
    answer = TestClient(full).get(f"{CHANGE}?node=1")
    assert answer.status_code == 503
    assert "questions wait for a model already" in answer.text
