"""The page of an attribution graph: its strongest paths are those that following every edge finds; doubts are said."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from experiment_rows import experiment_row, prompt_row
from graph_rows import graph_row, large_graph, made_here, small_graph
from starlette.testclient import TestClient
from synthetic_store import SyntheticStore

from sql.publish import publish
from storage.table_schemas import rows_as_table
from web.app import app
from web.graph_trust import warnings

GRAPH = "/experiments/demo/asked/graph/0"


def all_paths(edges: list[dict[str, Any]], target: int) -> Iterator[tuple[float, int, tuple[int, ...]]]:
    """Share, sign and nodes of every path to a node, by following each kept edge backwards."""
    into = [edge for edge in edges if edge["target_node_id"] == target and edge["kept"]]
    if not into:
        yield 1.0, 1, (target,)
    for edge in into:
        for share, sign, nodes in all_paths(edges, edge["source_node_id"]):
            yield share * edge["share"], sign * (1 if edge["weight"] > 0 else -1), (*nodes, target)


def shown_paths(page: Any) -> list[tuple[float, int, tuple[int, ...]]]:
    return [
        (
            float(row.one("data").attributes["value"]),
            1 if "raises" in row.text else -1,
            tuple(int(node) for node in row.attributes["data-nodes"].split(",")),
        )
        for row in page.section("paths").all("tr")
        if "data-nodes" in row.attributes
    ]


@pytest.mark.parametrize("logit", [10, 11])
def test_the_strongest_paths_are_those_that_following_every_edge_finds(visit, logit):
    page = visit(f"{GRAPH}?logit={logit}")
    shown = sorted(shown_paths(page))
    found = sorted(all_paths(small_graph()["graph_edge"], logit))
    direct = [path for path in found if len(path[2]) == 2 and path[2][0] != 4]
    wanted = [path for path in found if path not in direct]
    assert [path[1:] for path in shown] == [path[1:] for path in wanted]
    assert [path[0] for path in shown] == pytest.approx([path[0] for path in wanted])
    said = page.section("paths").all("p", **{"class": "key"})
    assert [paragraph.values for paragraph in said] == ([["0.1"]] if direct else [])


def test_the_page_leads_to_the_likeliest_answer_and_to_features(visit):
    page = visit(GRAPH)
    assert page.one("h1").text == "def area( → )"
    strongest = shown_paths(page)[0]
    assert strongest[2] == (7, 0, 2, 10)
    row = page.section("paths").all("tr", **{"data-nodes": "7,0,2,10"})[0]
    assert [link.attributes["href"] for link in row.all("a")] == ["/sae/demo/mid/0", "/sae/demo/mid/7"]
    assert row.text.count("→") == 3
    assert "Function definitions" in row.text


def test_graphs_of_an_experiment_lead_to_each_other(pages_of, read):
    graph = small_graph()
    row, prompt = graph["attribution_graph"][0], prompt_row()
    graph["attribution_graph"] = [row | {"prompt_id": at} for at in (0, 2, 5)]
    graph["prompt"] = [prompt | {"prompt_id": at} for at in (0, 2, 5)]
    pages = pages_of(graph)
    first, middle, last = (read(pages.get(f"/experiments/demo/asked/graph/{at}").text) for at in (0, 2, 5))
    assert [link.attributes["href"] for link in first.all("a", id="next")] == ["/experiments/demo/asked/graph/2"]
    assert [link.attributes["href"] for link in middle.all("a", id="previous")] == [GRAPH]
    assert not last.all("a", id="next")
    assert "No path leads" in last.section("paths").text
    listed = read(pages.get("/experiments/demo/asked").text).section("attribution_graph").rows
    assert [row[0].text.split(" ")[0] for row in listed] == ["0", "2", "5"]


def test_nodes_are_a_table_of_what_is_kept(visit):
    rows = visit(GRAPH).section("nodes").rows
    kinds = [row[1].text for row in rows]
    assert kinds.count("feature") == 3
    assert kinds.count("token") == 3
    assert kinds.count("error") == 1
    assert kinds.count("logit") == 2
    influences = [float(row[3].one("data").attributes["value"]) for row in rows]
    assert influences == sorted(influences, reverse=True)


def test_features_are_taken_together_by_hand_and_by_what_they_are_connected_to(pages_of, read):
    graph = small_graph()
    graph["graph_node"] = [row | ({"cluster": 0} if row["node_id"] in (0, 2) else {}) for row in graph["graph_node"]]
    by_hand, by_cluster = read(pages_of(graph).get(GRAPH).text).section("supernodes").all("table")
    assert [[cell.text for cell in row[:2]] for row in by_hand.rows] == [["numbers", "1"]]
    [row] = by_cluster.rows
    assert row[0].text.startswith("tokens like"), "the label of node 2, the more influential"
    assert [cell.text for cell in row[1:5]] == ["2", "2", "0 to 2", "1, 3"]
    assert float(row[5].one("data").attributes["value"]) == pytest.approx(0.6)


def test_checks_are_averaged_and_listed(visit):
    page = visit(GRAPH)
    together, each = page.section("checks").all("table")
    assert ["".join(cell.text for cell in row[:4]) for row in together.rows] == [
        "freelogits12", "freefeatures12", "heldlogits12", "heldfeatures12",
    ]  # fmt: skip
    assert len(each.rows) == 8
    assert not page.section("trust").all("p", **{"class": "problem"})


@pytest.mark.parametrize(
    ("graph", "agreement", "sentence"),
    [
        ({"replacement_score": 0.31}, {}, "Replacement 0.31: 69% of the influence"),
        ({"completeness_score": 0.52}, {}, "Completeness 0.52: weighted by influence, 48%"),
        ({"left_out_influence": 0.25}, {}, "25% of the influence goes to features whose inputs were not computed"),
        ({"dropped_edges": 0.5}, {}, "50% of the sizes of all edges"),
        ({}, {"spearman": 0.2}, "predicts badly: 6 of its features"),
        ({}, {"cosine": -0.1, "spearman": None}, "Mean Spearman none, mean cosine -0.10 (n = 12 changes)"),
        ({}, {"cosine": None, "spearman": None}, "12 changes of features moved none of its logits"),
        ({}, None, "Not checked"),
        ({}, {}, None),
    ],
)
def test_a_graph_that_explains_or_predicts_badly_says_so(graph, agreement, sentence):
    row = SimpleNamespace(**graph_row([], []) | made_here() | graph)
    measured = {"frozen": False, "target": "logits", "n_nodes": 6, "n_changes": 12, "n_spearman": 12, "n_cosine": 12}
    measured |= {"spearman": 0.75, "cosine": 0.8} | (agreement or {})
    said = warnings(row, [] if agreement is None else [SimpleNamespace(**measured)])
    assert len(said) == (sentence is not None)
    assert sentence is None or sentence in said[0]


def test_pages_of_experiment_feature_and_model_lead_to_the_graph(visit):
    experiment = visit("/experiments/demo/asked").section("attribution_graph")
    assert experiment.rows[0][0].one("a").attributes["href"] == GRAPH
    assert [cell.text for cell in experiment.rows[0][2:6]] == ["0.75", "0.875", "0.75", "0.9"]
    feature = visit("/sae/demo/mid/3").section("circuits")
    assert f"{GRAPH}?pin=1" in [link.attributes["href"] for link in feature.all("a")]
    unkept = visit("/sae/demo/mid/5").all("section", id="circuits")
    assert not any(GRAPH in link.attributes["href"] for section in unkept for link in section.all("a"))
    assert visit("/model/demo").section("graphs").values[0] == "1"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("/experiments/demo/asked/graph/1", "no attribution graph of prompt 1 of demo/asked"),
        ("/experiments/demo/asked/graph/x", "no attribution graph of prompt x"),
        ("/experiments/demo/none/graph/0", "no attribution graph of prompt 0 of demo/none"),
        (f"{GRAPH}?logit=2", "node 2 of the graph of prompt 0 is no logit"),
        (f"{GRAPH}?logit=%3Cb%3E", "node &lt;b&gt; of the graph"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(visitor, address, sentence):
    answer = visitor.get(address)
    assert answer.status_code == 404
    assert sentence in answer.text


@pytest.fixture(scope="module")
def pages_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., TestClient]:
    """The pages of a warehouse with one graph."""

    def pages(graph: dict[str, list[dict[str, Any]]]) -> TestClient:
        home = tmp_path_factory.mktemp("graph")
        store = SyntheticStore(str(home))
        store.write_model("demo")
        store.write_sae("demo", "mid", codes=False)
        store.write_experiment("demo", "asked", graph)
        publish(home / "warehouse.duckdb", store.stored)
        return TestClient(app(home / "warehouse.duckdb"))

    return pages


@dataclass(frozen=True)
class ByHand:
    """Stands in for a model on which the small graph was drawn by hand."""

    name: str = "attribution_graph"
    question: str = "Through which features?"
    columns: tuple[str, ...] = ("prompt",)
    needed: tuple[str, ...] = ("prompt",)
    recipes: tuple[str, ...] = ()
    needs_recipe: bool = False
    fields: tuple[Any, ...] = ()
    cards: str = "method: attribution_graph"

    def methods(self, model_id: str) -> list["ByHand"]:
        return [self]

    def ask(self, model_id: str, method: str, given: Any, report: Any) -> "ByHand":
        return self

    @property
    def tables(self) -> dict[str, Any]:
        rows = small_graph() | {"prompt": [prompt_row(text=" else")], "experiment": [experiment_row()]}
        return {table: rows_as_table(table, some) for table, some in rows.items()}


def test_a_graph_that_was_drawn_by_hand_shows_its_paths_and_leads_nowhere_else(warehouse, read):
    answer = TestClient(app(warehouse, asker=ByHand())).get("/model/demo/ask/attribution_graph?prompt=x")
    section = read(answer.text).section("attribution_graph")
    to = [row.attributes["data-nodes"].split(",")[-1] for row in section.all("tr") if "data-nodes" in row.attributes]
    assert to == ["10"] * 8 + ["11"] * 7
    assert not any("/graph/" in link.attributes["href"] for link in section.all("a"))


def test_a_graph_without_a_path_from_a_token_says_so(pages_of, read):
    graph = small_graph()
    graph["graph_edge"] = [edge for edge in graph["graph_edge"] if edge["source_node_id"] not in (7, 8, 9)]
    page = read(pages_of(graph).get(GRAPH).text)
    assert "No path leads from a token of the prompt through a feature" in page.section("paths").text
    assert {path[2][0] for path in shown_paths(page)} == {4}


@pytest.mark.slow
def test_a_graph_of_five_hundred_nodes_is_shown_whole(pages_of, read):
    graph = large_graph()
    page = read(pages_of(graph).get(GRAPH).text)
    assert len(page.section("nodes").rows) == 499
    target = next(row["node_id"] for row in graph["graph_node"] if row["kind"] == "logit")
    wanted = sorted((path for path in all_paths_above(graph["graph_edge"], target, 0.004)), reverse=True)
    shown = [path for path in shown_paths(page) if path[0] > 0.004]
    assert [path[2] for path in shown] == [path[2] for path in wanted[:12]]


def all_paths_above(edges: list[dict[str, Any]], target: int, least: float) -> list[tuple[float, int, tuple[int, ...]]]:
    """Paths from tokens whose share is larger: parts of paths below it lead to none."""
    into: dict[int, list[dict[str, Any]]] = {}
    for edge in edges:
        into.setdefault(edge["target_node_id"], []).append(edge)
    found: list[tuple[float, int, tuple[int, ...]]] = []
    open_: list[tuple[float, int, tuple[int, ...]]] = [(1.0, 1, (target,))]
    while open_:
        share, sign, nodes = open_.pop()
        if nodes[0] not in into:
            found.append((share, sign, nodes))
        for edge in into.get(nodes[0], []):
            if share * edge["share"] > least:
                step = 1 if edge["weight"] > 0 else -1
                open_.append((share * edge["share"], sign * step, (edge["source_node_id"], *nodes)))
    return found
