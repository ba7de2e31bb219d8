"""Attribution graphs of other tools are read as our rows, and what cannot be read is named."""

import copy
from typing import Any

import pytest

from models.interchange.graph_json import read_graph_json

PLAIN = {"token_prob": 0.0, "influence": 0.5, "activation": None, "clerp": ""}
GRAPH = {
    "metadata": {"scan": "small", "prompt": "ab", "prompt_tokens": ["a", "b"], "schema_version": 1},
    "qParams": {"supernodes": [["letters", "3_2_1"]]},
    "nodes": [
        PLAIN
        | {"node_id": "3_2_1", "feature": (3 + 2) * (3 + 2 + 1) // 2 + 2, "layer": "3", "ctx_idx": 1}
        | {"feature_type": "cross layer transcoder", "activation": 1.5, "clerp": "the letter b"},
        PLAIN | {"node_id": "0_2_1", "feature": -1, "layer": "2", "ctx_idx": 1}
        | {"feature_type": "mlp reconstruction error"},
        PLAIN | {"node_id": "E_5_0", "feature": 0, "layer": "E", "ctx_idx": 0, "feature_type": "embedding"},
        PLAIN | {"node_id": "5_6_1", "feature": 6, "layer": "5", "ctx_idx": 1}
        | {"feature_type": "logit", "token_prob": 0.75, "clerp": 'Output "c" (p=0.750)'},
    ],
    "links": [
        {"source": "E_5_0", "target": "3_2_1", "weight": 2.0},
        {"source": "3_2_1", "target": "5_6_1", "weight": 3.0},
        {"source": "0_2_1", "target": "5_6_1", "weight": -1.0},
    ],
}  # fmt: skip


def test_nodes_and_links_are_read_as_rows():
    found = read_graph_json(GRAPH)
    assert (found.file.metadata.scan, found.n_layers) == ("small", 4)
    names = ("kind", "layer", "position", "feature_id", "token_id", "probability", "supernode", "label")
    assert [tuple(node[name] for name in names) for node in found.nodes] == [
        ("feature", 3, 1, 2, None, None, "letters", "the letter b"),
        ("error", 2, 1, None, None, None, None, None),
        ("token", None, 0, None, 5, None, None, None),
        ("logit", None, 1, None, 6, 0.75, None, None),
    ]
    assert [(edge["source_node_id"], edge["target_node_id"], edge["share"]) for edge in found.edges] == [
        (2, 0, 1.0),
        (0, 3, 0.75),
        (1, 3, 0.25),
    ]
    assert found.nodes[3]["token"] == "c"
    assert [node["influence"] for node in found.nodes] == [0.75 * 0.75, 0.75 * 0.25, 0.75 * 0.75 * 1.0, 0.0]
    assert [node["error_share"] for node in found.nodes] == [0.0, None, None, 0.25]


def test_numbers_of_features_were_not_paired_before_the_first_version():
    older = copy.deepcopy(GRAPH)
    del older["metadata"]["schema_version"]
    older["nodes"][0]["feature"] = 12_345
    assert read_graph_json(older).nodes[0]["feature_id"] == 12_345


def test_graphs_that_cannot_be_read_say_why():
    def refusal(**changes: Any) -> str:
        changed = copy.deepcopy(GRAPH)
        for name, change in changes.items():
            change(changed[name])
        with pytest.raises(ValueError) as refused:
            read_graph_json(changed)
        return str(refused.value)

    assert "schema_version 2 and 1 is read" in refusal(metadata=lambda m: m.update(schema_version=2))
    assert "'mystery'" in refusal(nodes=lambda n: n[0].update(feature_type="mystery"))
    assert "names nobody" in refusal(links=lambda links: links[0].update(source="nobody"))
    assert "two nodes of the graph are called 3_2_1" in refusal(nodes=lambda n: n[1].update(node_id="3_2_1"))
    assert "pairs layer 3 with feature 2" in refusal(nodes=lambda n: n[0].update(layer="2"))
    assert "position 2, and the prompt has 2" in refusal(nodes=lambda n: n[2].update(ctx_idx=2))
    assert "nodes.3.token_prob" in refusal(nodes=lambda n: n[3].update(token_prob=1.5))
    assert "links.0.weight" in refusal(links=lambda links: links[0].update(weight=float("nan")))
    assert "lead in a circle" in refusal(
        links=lambda links: links.append(links[0] | {"source": "3_2_1", "target": "E_5_0"})
    )
    assert "two links" in refusal(links=lambda links: links.append(links[0]))
    with pytest.raises(ValueError, match="no attribution graph"):
        read_graph_json([1, 2])
