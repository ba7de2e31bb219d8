"""How much each node of a graph has to do with the logits, which nodes and edges are enough, and two scores of a graph.

Of an edge the share counts: its size among all that act on its target. Influence is the logits' probability passed back
along shares, over paths of every length (Ameisen et al. 2025, Circuit Tracing; circuit-tracer's graph.py).
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from models.attribution.graphs.attribution_graph import AttributionGraph


def influence(shares: csr_array, weight_N: np.ndarray) -> np.ndarray:
    """weight · (N + N² + …), which ends where no path is longer; rows are targets."""
    total_N, passed_N = np.zeros(len(weight_N)), weight_N @ shares
    while passed_N.any():
        total_N += passed_N
        passed_N = passed_N @ shares
    return total_N


@dataclass(frozen=True)
class GraphScores:
    """How much of a graph is made of features.

    `replacement` is the influence of tokens among that of tokens and errors, `completeness` the share of inputs that
    are no errors, weighted by the influence of what they act on.
    """

    influence_N: np.ndarray
    error_share_N: np.ndarray
    """Share of what acts on each node that comes from errors."""
    replacement: float
    completeness: float

    @classmethod
    def of(cls, graph: AttributionGraph) -> "GraphScores":
        """Scores of the graph before it is pruned."""
        influence_N = influence(graph.shares, graph.probability_N)
        errors, tokens = influence_N[graph.errors].sum(), influence_N[graph.tokens].sum()
        error_share_N = np.asarray(graph.shares[:, graph.errors].sum(axis=1)).ravel()
        read_N = influence_N + graph.probability_N
        complete = float(((1 - error_share_N) * read_N).sum() / read_N.sum())
        return cls(influence_N, error_share_N, float(tokens / max(tokens + errors, 1e-300)), complete)


@dataclass(frozen=True)
class PrunedGraph:
    """Which nodes, and which of the stored edges, are kept."""

    node_N: np.ndarray
    edge_M: np.ndarray
    """In the order of the entries of `AttributionGraph.weights`."""


def pruned(graph: AttributionGraph, influence_N: np.ndarray, nodes: float = 0.8, edges: float = 0.98) -> PrunedGraph:
    """Keeps the most influential nodes and then edges that make up these shares of all influence.

    Tokens and logits stay; a feature without an edge into it or out of it, and an error without one out of it, go.
    """
    node_N = influence_N >= _level(influence_N, nodes)
    node_N[graph.tokens.start :] = True
    entries = graph.weights.tocoo()
    target_M, source_M = entries.row, entries.col
    inside_M = node_N[target_M] & node_N[source_M]
    share_M = _shares(np.abs(entries.data) * inside_M, target_M, len(node_N))
    inner = csr_array((share_M, (target_M, source_M)), shape=graph.weights.shape)
    score_M = share_M * (influence(inner, graph.probability_N) + graph.probability_N)[target_M]
    edge_M = (score_M >= _level(score_M, edges)) & inside_M & (score_M > 0)
    while True:
        needed_N = _connected(graph, node_N, target_M[edge_M], source_M[edge_M])
        if (needed_N == node_N).all():
            return PrunedGraph(node_N, edge_M)
        node_N = needed_N
        edge_M &= node_N[target_M] & node_N[source_M]


def _connected(graph: AttributionGraph, node_N: np.ndarray, target_M: np.ndarray, source_M: np.ndarray) -> np.ndarray:
    has_target, has_source = np.zeros(len(node_N), dtype=bool), np.zeros(len(node_N), dtype=bool)
    has_target[source_M], has_source[target_M] = True, True
    has_target[graph.tokens.start :] = True
    has_source[graph.features.stop :] = True
    return node_N & has_target & has_source


def _level(score: np.ndarray, share: float) -> float:
    """The score at which those that are at least as high make up a share of the sum."""
    ordered = np.sort(score)[::-1]
    reached = np.cumsum(ordered) / max(ordered.sum(), 1e-300)
    return float(ordered[min(int(np.searchsorted(reached, share)), len(ordered) - 1)]) if len(ordered) else 0.0


def _shares(size_M: np.ndarray, target_M: np.ndarray, n: int) -> np.ndarray:
    sums_N = np.bincount(target_M, weights=size_M, minlength=n)
    return size_M / np.maximum(sums_N, 1e-10)[target_M]
