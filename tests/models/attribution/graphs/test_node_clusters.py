"""Features that are connected alike are one cluster; those that are connected otherwise are not."""

import numpy as np
from scipy.sparse import csr_array

from models.attribution.graphs.attribution_graph import AttributionGraph, GraphNodes
from models.attribution.graphs.influence import PrunedGraph
from models.attribution.graphs.node_clusters import node_clusters

N_FEATURES = 6
KINDS = np.repeat([0, 2, 3], [N_FEATURES, 3, 2])
"""Features, tokens (6, 7, 8) and logits (9, 10)."""
READ = {0: {6: 2.0, 7: 0.1}, 1: {8: 1.0}, 2: {6: 5.0}, 3: {8: 3.0, 7: 0.1}, 4: {6: 1.0, 8: 1.0}, 5: {6: 1.0}}
"""What acts on each feature."""
WRITTEN = {9: {0: 1.0, 2: 0.9, 1: 0.05}, 10: {1: 1.0, 3: -0.8, 4: 0.05, 5: 0.7}}


def graph() -> AttributionGraph:
    rows = READ | WRITTEN
    entries = [(target, source, weight) for target, of in rows.items() for source, weight in of.items()]
    target, source, weight = zip(*entries, strict=True)
    weights = csr_array((np.array(weight), (np.array(target), np.array(source))), shape=(len(KINDS), len(KINDS)))
    nowhere = np.full(len(KINDS), -1)
    sizes = np.asarray(abs(weights).sum(axis=1)).ravel()
    probability = np.where(KINDS == 3, 0.5, 0.0)
    nodes = GraphNodes(KINDS, nowhere, nowhere, nowhere, nowhere, np.ones(len(KINDS)))
    return AttributionGraph(nodes, weights, sizes, probability, N_FEATURES, 0.0)


def test_features_of_like_connections_are_one_cluster() -> None:
    found = node_clusters(graph(), PrunedGraph(np.full(len(KINDS), True), np.full(17, True)))
    assert found[:4].tolist() == [0, 1, 0, 1], "read from one token, write to one logit"
    assert found[4:].tolist() == [-1] * 7, "4 reads from both; 5 reads as 0 and 2 do and writes elsewhere"


def test_what_pruning_drops_is_in_no_cluster() -> None:
    kept = np.full(len(KINDS), True)
    kept[2] = False
    found = node_clusters(graph(), PrunedGraph(kept, np.full(17, True)))
    assert found[:4].tolist() == [-1, 0, -1, 0]
    assert (node_clusters(graph(), PrunedGraph(np.full(len(KINDS), False), np.full(17, False))) == -1).all()
