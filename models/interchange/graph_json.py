"""Attribution graphs of other tools: the JSON of circuit-tracer and Neuronpedia as rows of our tables.

What is written for their viewers stands in `web/api/neuronpedia/graph_shape.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA_VERSION = 1
"""The newest version of the JSON that is read: from it on, `feature` of a node pairs block and number."""
_KINDS = {
    "cross layer transcoder": "feature",
    "mlp reconstruction error": "error",
    "embedding": "token",
    "logit": "logit",
}
"""Kinds of nodes, by what the JSON calls them."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ReadGraph:
    """A graph of another tool, in the columns of `graph_node` and `graph_edge`."""

    scan: str
    """What the tool calls model and transcoders."""
    prompt: str
    tokens: tuple[str, ...]
    nodes: tuple[dict[str, Any], ...]
    """With `label` beside the columns of a node; `feature_id` is the number within its block."""
    edges: tuple[dict[str, Any], ...]
    """Shares are of the edges that are there: what was pruned is not known."""


def _unpaired(number: int) -> tuple[int, int]:
    total = int(((8 * number + 1) ** 0.5 - 1) // 2)
    while total * (total + 1) // 2 > number:  # the root is rounded
        total -= 1
    while (total + 1) * (total + 2) // 2 <= number:
        total += 1
    feature = number - total * (total + 1) // 2
    return total - feature, feature


def read_graph_json(found: Any) -> ReadGraph:
    """Reads a graph that circuit-tracer, Neuronpedia or `graph_json` wrote.

    Raises:
        ValueError: If it is of a newer version, lacks a part, or has a node or a link that means nothing.
    """
    try:
        version = found["metadata"].get("schema_version") or 0
        if version > SCHEMA_VERSION:
            raise ValueError(
                f"the graph is of schema_version {version} and {SCHEMA_VERSION} is read: write it with an older "
                "version of the tool, or update Glasshouse"
            )
        named = found["nodes"]
        metadata, groups = found["metadata"], found.get("qParams", {}).get("supernodes", [])
        group_of = {member: name for name, *members in groups for member in members}
        place = {node["node_id"]: number for number, node in enumerate(named)}
        if len(place) < len(named):
            twice = next(node["node_id"] for number, node in enumerate(named) if place[node["node_id"]] != number)
            raise ValueError(f"two nodes of the graph are called {twice}: links to it have two meanings")
        nodes = [_read_node(node, version, place, group_of, metadata["prompt_tokens"]) for node in named]
        edges = _read_edges(found["links"], place)
        return ReadGraph(
            metadata["scan"], metadata["prompt"], tuple(metadata["prompt_tokens"]), tuple(nodes), tuple(edges)
        )
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(
            f"this is no attribution graph ({type(error).__name__}: {error}): wanted the JSON of circuit-tracer or "
            "Neuronpedia, an object with metadata, nodes and links"
        ) from error


def _read_node(
    node: Row, version: int, place: Mapping[str, int], group_of: Mapping[str, str], tokens: Sequence[str]
) -> dict[str, Any]:
    kind = _KINDS.get(node["feature_type"])
    if kind is None:
        raise ValueError(
            f"node {node['node_id']} is of the type {node['feature_type']!r}: known are {', '.join(_KINDS)}"
        )
    feature = None
    if kind == "feature":
        feature = _unpaired(node["feature"])[1] if version else node["feature"]
    return {
        "node_id": place[node["node_id"]],
        "kind": kind,
        "layer": int(node["layer"]) if kind in ("feature", "error") else None,
        "position": node["ctx_idx"],
        "feature_id": feature,
        "token_id": node["feature"] if kind == "logit" else None,
        "token": node.get("clerp") or "" if kind == "logit" else tokens[node["ctx_idx"]],
        "activation": node.get("activation"),
        "probability": node.get("token_prob") if kind == "logit" else None,
        "influence": node.get("influence"),
        "supernode": group_of.get(node["node_id"]),
        "label": (node.get("clerp") or None) if kind == "feature" else None,
    }


def _read_edges(links: Sequence[Row], place: Mapping[str, int]) -> list[dict[str, Any]]:
    if unknown := sorted({name for link in links for name in (link["source"], link["target"]) if name not in place}):
        raise ValueError(f"a link of the graph names {unknown[0]}, and there is no such node")
    size: dict[str, float] = {}
    for link in links:
        size[link["target"]] = size.get(link["target"], 0.0) + abs(link["weight"])
    return [
        {
            "source_node_id": place[link["source"]],
            "target_node_id": place[link["target"]],
            "weight": link["weight"],
            "share": abs(link["weight"]) / size[link["target"]] if size[link["target"]] else 0.0,
        }
        for link in links
    ]
