"""Attribution graphs as JSON: what is written is read again, and what cannot be read is named."""

import copy
from typing import Any

import pytest

from models.interchange.graph_json import graph_json, read_graph_json

NONE = dict.fromkeys(
    ("layer", "recipe_id", "feature_id", "token_id", "activation", "probability", "supernode", "label")
)
NODES = [
    NONE
    | {"node_id": 4, "kind": "feature", "layer": 0, "position": 1, "recipe_id": "mlp0", "feature_id": 2, "token": "b"}
    | {"activation": 1.5, "influence": 0.25, "supernode": "letters", "label": "the letter b"},
    NONE | {"node_id": 7, "kind": "error", "layer": 2, "position": 1, "token": "b", "influence": 0.125},
    NONE | {"node_id": 8, "kind": "token", "position": 0, "token_id": 5, "token": "a", "influence": 0.5},
    NONE
    | {"node_id": 9, "kind": "logit", "position": 1, "token_id": 6, "token": "c", "influence": 0, "probability": 0.75},
]
EDGES = [
    {"source_node_id": 8, "target_node_id": 4, "weight": 2.0},
    {"source_node_id": 4, "target_node_id": 9, "weight": 3.0},
    {"source_node_id": 7, "target_node_id": 9, "weight": -1.0},
]
GRAPH = {"node_threshold": 0.8, "replacement_score": 0.5, "completeness_score": 0.75}


@pytest.fixture
def written() -> Any:
    return graph_json("one", "small", GRAPH, ["a", "b"], NODES, EDGES)


def test_names_are_unique_and_numbers_are_circuit_tracers(written: Any):
    assert [node["node_id"] for node in written["nodes"]] == ["0_2_1", "error_2_1", "E_5_0", "4_6_1"]
    assert written["nodes"][0]["feature"] == (0 + 2) * (0 + 2 + 1) // 2 + 2
    assert written["nodes"][3]["is_target_logit"]
    assert written["qParams"]["supernodes"] == [["letters", "0_2_1"]]
    assert written["links"][2] == {"source": "error_2_1", "target": "4_6_1", "weight": -1.0}


def test_what_is_written_is_read(written: Any):
    found = read_graph_json(written)
    assert (found.scan, found.prompt, found.tokens) == ("small", "ab", ("a", "b"))
    kept = ("kind", "layer", "position", "feature_id", "activation", "probability", "supernode", "label")
    assert [[node[name] for name in kept] for node in found.nodes] == [[node[name] for name in kept] for node in NODES]
    assert [edge["share"] for edge in found.edges] == [1.0, 0.75, 0.25]


def test_graphs_that_cannot_be_read_say_why(written: Any):
    def refusal(**changes: Any) -> str:
        changed = copy.deepcopy(written)
        for name, change in changes.items():
            change(changed[name])
        with pytest.raises(ValueError) as refused:
            read_graph_json(changed)
        return str(refused.value)

    assert "schema_version 2 and 1 is read" in refusal(metadata=lambda m: m.update(schema_version=2))
    assert "'mystery'" in refusal(nodes=lambda n: n[0].update(feature_type="mystery"))
    assert "names nobody" in refusal(links=lambda links: links[0].update(source="nobody"))
    assert "two nodes of the graph are called 0_2_1" in refusal(nodes=lambda n: n[1].update(node_id="0_2_1"))
    with pytest.raises(ValueError, match="no attribution graph"):
        read_graph_json([1, 2])
