"""An attribution graph for programs: our JSON is what SQL says, theirs has the keys and ids that their viewers read."""

import json

import pytest
from graph_rows import made_here

from web.api.neuronpedia.graph_shape import graph_shape

ADDRESS = "/api/experiments/demo/asked/graphs/0"
THEIRS = "/api/graph_data/demo/asked/0.json"


def test_nodes_and_edges_are_what_sql_says(visitor, ask):
    graph = visitor.get(ADDRESS).json()
    kept = ask("from graph_node where kept or kind = 'logit' order by influence desc, node_id")
    assert [node["node_id"] for node in graph["nodes"]] == [row.node_id for row in kept]
    assert {node["label"] for node in graph["nodes"] if node["feature_id"] == 0} == {"Function definitions"}
    edges = ask("from graph_edge where kept order by target_node_id, share desc, source_node_id")
    shown = [(edge["source_node_id"], edge["target_node_id"], edge["weight"], edge["share"]) for edge in graph["edges"]]
    assert shown == [(row.source_node_id, row.target_node_id, row.weight, row.share) for row in edges]
    assert (graph["replacement_score"], graph["tokens"]) == (0.75, ["<s>", "def", " area", "("])
    assert graph["page"] == "/experiments/demo/asked/graph/0"


def test_weak_edges_may_be_left_out(visitor):
    shares = [edge["share"] for edge in visitor.get(f"{ADDRESS}?least_share=0.25").json()["edges"]]
    assert shares
    assert min(shares) >= 0.25
    assert visitor.get(f"{ADDRESS}?least_share=2").status_code == 400


def test_influence_adds_up_over_all_nodes_and_not_only_those_kept(visitor, ask):
    nodes = visitor.get(ADDRESS).json()["nodes"]
    [total] = ask("select sum(influence) as n from graph_node")
    before = 0.0
    for row in ask("from graph_node order by influence desc, node_id"):
        before += row.influence
        found = [node["cumulative_influence"] for node in nodes if node["node_id"] == row.node_id]
        assert found in ([], [pytest.approx(before / total.n)])


def test_the_file_of_the_viewers_has_their_keys(visitor):
    graph = visitor.get(THEIRS).json()
    assert graph.keys() == {"metadata", "qParams", "nodes", "links"}
    assert (
        graph["metadata"]
        | {
            "slug": "demo-asked-0",
            "scan": "demo",
            "prompt": "def area(",
            "prompt_tokens": ["<s>", "def", " area", "("],
            "node_threshold": 0.8,
            "schema_version": 1,
        }
        == graph["metadata"]
    )
    by_id = {node["node_id"]: node for node in graph["nodes"]}
    assert len(by_id) == len(graph["nodes"]) == 9
    feature = by_id["1_3_2"]
    assert feature["feature"] == (1 + 3) * (1 + 3 + 1) // 2 + 3
    assert (feature["layer"], feature["ctx_idx"], feature["feature_type"]) == ("1", 2, "cross layer transcoder")
    assert feature["clerp"] == "tokens like int"
    assert by_id["error_0_2"]["feature_type"] == "mlp reconstruction error"
    assert (by_id["E_1_1"]["layer"], by_id["E_1_1"]["feature_type"]) == ("E", "embedding")
    assert by_id["5_4_3"]["clerp"] == 'Output ")" (p=0.600)'
    assert [node["node_id"] for node in graph["nodes"] if node["is_target_logit"]] == ["5_4_3"]
    links = {(link["source"], link["target"]): link["weight"] for link in graph["links"]}
    assert links["1_3_2", "5_4_3"] == -0.8
    assert {end for link in links for end in link} <= by_id.keys()
    assert len(links) == 13
    assert graph["qParams"]["supernodes"] == [["numbers", "1_3_2"]]


def test_settings_that_are_not_limited_are_left_out_where_a_number_is_wanted():
    graph = dict.fromkeys(("model_id", "experiment_id", "prompt_id", "text"), "x") | {"tokens": ["x"]}
    graph |= made_here() | dict.fromkeys(
        ("node_threshold", "edge_threshold", "replacement_score", "completeness_score"), 0.5
    )
    metadata = graph_shape(graph, [], [], 1, {"max_features": None, "max_logits": 10})["metadata"]
    assert metadata["generation_settings"] == {"max_n_logits": 10}


def test_an_error_and_a_feature_of_the_first_block_have_two_names(visitor):
    ids = [node["node_id"] for node in visitor.get(THEIRS).json()["nodes"]]
    assert "0_0_1" in ids
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("address", [ADDRESS, THEIRS])
def test_a_graph_that_is_not_there_is_a_sentence(visitor, address):
    answer = visitor.get(address.replace("/0", "/7"))
    assert answer.status_code == 404
    assert "no attribution graph of prompt 7 of demo/asked" in json.loads(answer.text)["error"]
