"""A graph of another tool is stored as an experiment's, says where it is from, goes out as it came in, and leaves."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from command_line import one_instance
from door_house import house
from experiment_rows import prompt_row
from graph_rows import made_here, small_graph
from starlette.testclient import TestClient
from synthetic_store import SyntheticStore
from typer.testing import CliRunner

from pipelines.cli.main import app as commands
from pipelines.integrity.store_needs import StoreNeeds
from pipelines.integrity.unneeded import unneeded
from pipelines.interchange.graph_import import import_graph
from pipelines.store.publication import publish_store
from pipelines.store.store import Store
from sql.consistency import inspect
from sql.warehouse import connect
from web.api.neuronpedia.graph_shape import graph_shape
from web.app import app

DEMO = Path(__file__).resolve().parents[3] / "models" / "demo"
Graph = dict[str, Any]


@pytest.fixture(scope="module")
def exported() -> Graph:
    """The small graph as it leaves for other tools' viewers."""
    made = small_graph()
    nodes = [node | {"label": None, "cumulative_influence": 0.5} for node in made["graph_node"] if node["kept"]]
    nodes[0] |= {"label": "Function definitions", "cumulative_influence": 0.25}
    edges = [edge for edge in made["graph_edge"] if edge["kept"]]
    graph = made["attribution_graph"][0] | prompt_row() | made_here(model_id="demo", experiment_id="asked")
    return graph_shape(graph, nodes, edges, 4, {"max_logits": 8})


@pytest.fixture
def told(exported: Graph, tmp_path: Path) -> Callable[..., str]:
    """Writes the graph to a file, changed; its name."""

    def write(change: Callable[[Graph], Any] = lambda graph: None, name: str = "theirs.json") -> str:
        graph = json.loads(json.dumps(exported))
        change(graph)
        (tmp_path / name).write_text(json.dumps(graph))
        return str(tmp_path / name)

    return write


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    store = house(tmp_path / "home")
    monkeypatch.setenv("GLASSHOUSE_HOME", str(store.home))
    monkeypatch.setenv("GLASSHOUSE_REGISTRY", str(store.registry))
    monkeypatch.setenv("GLASSHOUSE_WAREHOUSE", str(store.warehouse))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(commands, list(arguments), env={"COLUMNS": "300"}, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    with one_instance():
        yield run


@pytest.mark.slow
def test_a_graph_comes_in_is_shown_as_imported_goes_out_as_it_came_and_is_removed(exported: Graph, told, run):
    path = told()
    assert "demo/theirs: 9 of graph_node, 13 of graph_edge; the file calls it demo" in run(
        "import", path, "--model", "demo"
    )
    assert "(as before)" in run("import", path, "--model", "demo")
    with closing(connect(Store().published)) as con:
        assert inspect(con) == []
        [[source, sha256, tool]] = con.execute("select source, sha256, tool from graph_import").fetchall()
        assert (source, tool) == (path, "Glasshouse")
        assert sha256 == hashlib.sha256(Path(path).read_bytes()).hexdigest()
        assert con.execute("select n_layers from model").fetchall() == [(4,)]
        assert con.execute("select replacement_score, n_kept_nodes from attribution_graph").fetchall() == [(None, 9)]
    visitor = TestClient(app(Store().published))
    page = visitor.get("/experiments/demo/theirs/graph/0").text
    assert f"Imported from {path}" in page
    assert "Function definitions" in page, "a label of the file"
    assert "/sae/demo/" not in page, "its transcoders are not here"
    assert 'class="place">imported<' in visitor.get("/experiments").text
    for address in ("/", "/experiments/demo/theirs", "/model/demo"):
        assert visitor.get(address).status_code == 200, address
    again = visitor.get("/api/graph_data/demo/theirs/0.json").json()
    assert same(again) == same(exported)
    assert not [each.place for each in unneeded(Store(), StoreNeeds.of(Store())) if "theirs" in each.place]
    assert "removed demo/theirs" in run("remove", "demo/theirs", "--yes")
    with closing(connect(Store().published)) as con:
        tables = ("attribution_graph", "graph_node", "graph_edge", "imported_node", "experiment", "prompt", "model")
        assert [con.execute(f"select count(*) from {table}").fetchall()[0][0] for table in tables] == [0] * 7


def same(graph: Graph) -> Any:
    """What a file says but for its own name and what it says of its maker; nodes and links in no order."""
    metadata = {name: value for name, value in graph["metadata"].items() if name not in ("slug", "info")}
    groups = {name: value for name, value in graph["qParams"].items() if name != "clickedId"}
    return (
        metadata,
        groups,
        sorted(graph["nodes"], key=lambda node: node["node_id"]),
        sorted(graph["links"], key=lambda link: (link["target"], link["source"])),
    )


def one_layer(graph: Graph) -> None:
    """All features in block 2, where `mid` reads: 0, 3 and 7 of it."""
    for node in graph["nodes"]:
        if node["feature_type"] == "cross layer transcoder":
            number = int(node["node_id"].split("_")[1])
            node |= {"layer": "2", "feature": (2 + number) * (3 + number) // 2 + number}


def test_features_lead_to_the_transcoders_that_are_named(told, tmp_path: Path):
    synthetic, store = SyntheticStore(str(tmp_path / "home")), house(tmp_path / "home")
    synthetic.write_model("demo")
    synthetic.write_sae("demo", "mid", codes=False)
    import_graph(store, told(one_layer), "demo", "mid", "named")
    publish_store(store)
    with closing(connect(store.published)) as con:
        assert inspect(con) == []
        assert con.execute("select recipe_ids from experiment").fetchall() == [(["mid"],)]
    assert "/sae/demo/mid/7" in TestClient(app(store.published)).get("/experiments/demo/named/graph/0").text
    before = sorted(path.name for path in (tmp_path / "home" / "tables").rglob("*"))
    for path, recipe, message in (
        (told(name="other.json"), "mid", r"is of layer \d, and --recipe has layers 2"),
        (told(far, "far.json"), "mid", r"is feature 12, and mid has 12: the graph is of"),
        (told(one_layer, "late.json"), "late", r"no transcoders demo/late \(of this model: mid\)"),
        (told(layers, "layers.json"), None, r"is of a model of 9 blocks, and demo has 4: correct --model"),
        (told(one_layer, "mid.json"), None, r"demo/mid is a dictionary: give the graph another name"),
    ):
        with pytest.raises(ValueError, match=message):
            import_graph(store, path, "demo", recipe)
    assert sorted(path.name for path in (tmp_path / "home" / "tables").rglob("*")) == before


def far(graph: Graph) -> None:
    one_layer(graph)
    node = next(node for node in graph["nodes"] if node["node_id"].startswith("2_7"))
    node["feature"] = 14 * 15 // 2 + 12


def layers(graph: Graph) -> None:
    for node in graph["nodes"]:
        if node["feature_type"] == "logit":
            node["layer"] = "10"


def test_what_is_no_graph_of_the_model_is_refused_and_nothing_of_it_stays(told, tmp_path: Path):
    store, whole = house(tmp_path / "home"), Path(told()).read_text()
    (Path(str(store.registry)) / "models" / "demo.yaml").write_text(
        f"source: {DEMO}\ncorpus: {{source: nowhere, tokens: 1_000}}\nrecipes: []\n"
    )
    (tmp_path / "cut.json").write_text(whole[: len(whole) // 2])
    for path, message in (
        (str(tmp_path / "cut.json"), r"cut.json is no JSON, or was cut off"),
        (str(tmp_path / "none.json"), r"there is no file .*none.json"),
        (told(lambda graph: graph["metadata"].update(schema_version=2), "new.json"), r"schema_version 2 and 1 is read"),
        (told(name="Two words!.json"), r"is no id of an experiment: give one by --experiment"),
        (told(), r"as token \d+, which is .* to demo: it is a graph of a model with another tokenizer"),
    ):
        with pytest.raises(ValueError, match=message):
            import_graph(store, path, "demo")
    assert not (tmp_path / "home").exists()
