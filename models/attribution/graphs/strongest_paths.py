"""The strongest paths of a graph from tokens and errors to logits: the product of the shares along each.

A path's strength is the probability of its logit times the share of every edge; in a graph that is not pruned the
strengths of all paths to one logit add up to its probability.
"""

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class GraphEdge(NamedTuple):
    """A direct effect: its weight, and its size among all that acts on the target."""

    source: int
    target: int
    weight: float
    share: float


@dataclass(frozen=True)
class GraphPath:
    """Nodes from the source to the logit, and the weights of the edges between them."""

    nodes: tuple[int, ...]
    weights: tuple[float, ...]
    strength: float


def strongest_paths(
    edges: Iterable[GraphEdge], probability: Mapping[int, float], ends: Collection[int]
) -> Iterator[GraphPath]:
    """Paths, the strongest first.

    Args:
        edges: Those that may be taken.
        probability: Of each logit, by its node.
        ends: Nodes at which a path begins: tokens and errors.
    """
    inputs: dict[int, list[GraphEdge]] = {}
    for edge in edges:
        inputs.setdefault(edge.target, []).append(edge)
    unfinished: list[tuple[float, tuple[int, ...], tuple[float, ...]]]
    unfinished = [(-weight, (node,), ()) for node, weight in probability.items()]
    heapq.heapify(unfinished)
    while unfinished:  # a path is never stronger than its later part: what comes out first is the strongest
        negative, nodes, weights = heapq.heappop(unfinished)
        if nodes[0] in ends:
            yield GraphPath(nodes, weights, -negative)
            continue
        for edge in inputs.get(nodes[0], ()):
            heapq.heappush(unfinished, (negative * edge.share, (edge.source, *nodes), (edge.weight, *weights)))
