"""Features of a graph that play one part: they are acted on by the same nodes and act on the same nodes.

Two features are as alike as the smaller of two cosines: of the shares of their inputs, and of their shares of others'
inputs. They are clustered by average linkage. Features of like meaning that are connected otherwise stay apart.

N nodes, K kept features.
"""

import numpy as np
from sklearn.cluster import AgglomerativeClustering

from models.attribution.graphs.attribution_graph import AttributionGraph
from models.attribution.graphs.influence import PrunedGraph

FARTHEST = 0.25
"""Mean distance of two clusters, 1 less the likeness, up to which they are one."""


def node_clusters(graph: AttributionGraph, kept: PrunedGraph) -> np.ndarray:
    """Cluster of each node (N), numbered from 0 by first member; -1 where a node is in none with others."""
    cluster_N, features = np.full(len(graph), -1), np.flatnonzero(kept.node_N[graph.features])
    if len(features) < 2:
        return cluster_N
    nodes = np.flatnonzero(kept.node_N)
    shares = graph.shares
    inputs_KN, outputs_KN = shares[features][:, nodes].toarray(), shares[nodes][:, features].toarray().T
    alike_KK = np.minimum(*(unit @ unit.T for unit in (_unit(inputs_KN), _unit(outputs_KN))))
    distance_KK = np.clip(1 - alike_KK, 0, 1)
    grouping = AgglomerativeClustering(
        n_clusters=None,  # pyright: ignore[reportArgumentType]: as its documentation says
        metric="precomputed",
        linkage="average",
        distance_threshold=FARTHEST,
    )
    found_K = grouping.fit_predict(distance_KK)
    shared_K = np.bincount(found_K)[found_K] > 1
    _, first, place = np.unique(found_K[shared_K], return_index=True, return_inverse=True)
    cluster_N[features[shared_K]] = np.argsort(np.argsort(first))[place]
    return cluster_N


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
