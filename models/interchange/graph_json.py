"""Attribution graphs of other tools: the JSON of circuit-tracer and Neuronpedia as rows of our tables.

What is written for their viewers stands in `web/api/neuronpedia/graph_shape.py`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np
from pydantic import ValidationError
from scipy.sparse import csr_array

from models.attribution.graphs.influence import influence
from models.interchange.graph_schema import GraphFile, GraphFileLink, GraphFileNode

SCHEMA_VERSION = 1
"""The newest version of the JSON that is read: from it on, `feature` of a node pairs block and number."""
_KINDS = {
    "cross layer transcoder": "feature",
    "mlp reconstruction error": "error",
    "embedding": "token",
    "logit": "logit",
}
"""Kinds of nodes, by what the JSON calls them."""
_TOKEN_ID = re.compile(r"E_(\d+)_\d+")
_OUTPUT = re.compile(r'Output "(.*)" \(p=[\d.]+\)', re.DOTALL)
"""What a logit's node is called, which names its token nowhere else."""


@dataclass(frozen=True)
class ReadGraph:
    """A graph of another tool, in the columns of `graph_node` and `graph_edge`."""

    file: GraphFile
    nodes: tuple[dict[str, Any], ...]
    """Columns of `graph_node`, beside them `name`, `label` and `cumulative_influence` as the file has them;
    `feature_id` is the number within its block."""
    edges: tuple[dict[str, Any], ...]
    """Shares are of the edges that are there: what was pruned is not known."""

    @property
    def n_layers(self) -> int | None:
        """Blocks of the model, which the layer of a logit tells."""
        of_logits = {int(node.layer) - 1 for node in self.file.nodes if _KINDS[node.feature_type] == "logit"}
        return of_logits.pop() if len(of_logits) == 1 else None

    def nodes_of(self, kind: str) -> list[dict[str, Any]]:
        return [node for node in self.nodes if node["kind"] == kind]


def read_graph_json(found: Any) -> ReadGraph:
    """Reads a graph that circuit-tracer, Neuronpedia or Glasshouse wrote.

    Influence is passed back along the edges that are there. What the file has of it is a running sum.

    Raises:
        ValueError: If it is of a newer version, lacks a part, or has a node or a link that means nothing.
    """
    _refuse_newer(found)
    try:
        file = GraphFile.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ValueError(
            f"this is no attribution graph ({where}: {first['msg']}): wanted the JSON of circuit-tracer or "
            "Neuronpedia, an object with metadata, nodes and links"
        ) from error
    place = _places(file.nodes)
    edges = _read_edges(file.links, place)
    nodes = [_read_node(node, file, place) for node in file.nodes]
    _refuse_cycles(file.nodes, edges)
    return ReadGraph(file, tuple(_with_influence(nodes, edges)), tuple(edges))


def _refuse_newer(found: Any) -> None:
    metadata = found.get("metadata") if isinstance(found, dict) else None
    version = metadata.get("schema_version") if isinstance(metadata, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ValueError(
            f"the graph is of schema_version {version} and {SCHEMA_VERSION} is read: write it with an older "
            "version of the tool, or update Glasshouse"
        )


def _places(nodes: Sequence[GraphFileNode]) -> dict[str, int]:
    place = {node.node_id: number for number, node in enumerate(nodes)}
    if len(place) < len(nodes):
        twice = next(node.node_id for number, node in enumerate(nodes) if place[node.node_id] != number)
        raise ValueError(f"two nodes of the graph are called {twice}: links to it have two meanings")
    return place


def _unpaired(number: int) -> tuple[int, int]:
    total = int(((8 * number + 1) ** 0.5 - 1) // 2)
    while total * (total + 1) // 2 > number:  # the root is rounded
        total -= 1
    while (total + 1) * (total + 2) // 2 <= number:
        total += 1
    feature = number - total * (total + 1) // 2
    return total - feature, feature


def _read_node(node: GraphFileNode, file: GraphFile, place: Mapping[str, int]) -> dict[str, Any]:
    kind, tokens = _KINDS.get(node.feature_type), file.metadata.prompt_tokens
    if kind is None:
        raise ValueError(f"node {node.node_id} is of the type {node.feature_type!r}: known are {', '.join(_KINDS)}")
    if node.ctx_idx >= len(tokens):
        raise ValueError(f"node {node.node_id} stands at position {node.ctx_idx}, and the prompt has {len(tokens)}")
    if kind != "token" and not node.layer.isdecimal():
        raise ValueError(f"node {node.node_id} is of layer {node.layer!r}: wanted the number of a block")
    return {
        "node_id": place[node.node_id],
        "name": node.node_id,
        "kind": kind,
        "layer": int(node.layer) if kind in ("feature", "error") else None,
        "position": node.ctx_idx,
        "feature_id": _feature_id(node, file.version) if kind == "feature" else None,
        "token_id": _token_id(node, kind),
        "token": _output_token(node) if kind == "logit" else tokens[node.ctx_idx],
        "activation": node.activation if kind == "feature" else None,
        "probability": node.token_prob if kind == "logit" else None,
        "cumulative_influence": node.influence,
        "supernode": file.group_of.get(node.node_id),
        "label": (node.clerp or None) if kind == "feature" else None,
    }


def _feature_id(node: GraphFileNode, version: int) -> int:
    number = node.feature or 0
    if not version:
        return number
    layer, feature = _unpaired(number)
    if number < 0 or layer != int(node.layer):
        raise ValueError(
            f"node {node.node_id} is of layer {node.layer}, and its number {number} pairs layer {layer} with feature "
            f"{feature}: the file was changed, or its schema_version is wrong"
        )
    return feature


def _token_id(node: GraphFileNode, kind: str) -> int | None:
    if kind == "logit":
        return node.feature
    named = _TOKEN_ID.fullmatch(node.node_id) if kind == "token" else None
    return int(named[1]) if named else None


def _output_token(node: GraphFileNode) -> str:
    named = _OUTPUT.fullmatch(node.clerp or "")
    return named[1] if named else node.clerp or ""


def _read_edges(links: Sequence[GraphFileLink], place: Mapping[str, int]) -> list[dict[str, Any]]:
    if unknown := sorted({name for link in links for name in (link.source, link.target) if name not in place}):
        raise ValueError(f"a link of the graph names {unknown[0]}, and there is no such node")
    size: dict[str, float] = {}
    for link in links:
        size[link.target] = size.get(link.target, 0.0) + abs(link.weight)
    pairs = {(link.source, link.target) for link in links}
    if len(pairs) < len(links):
        raise ValueError("two links of the graph lead from one node to the same other: which weight counts is not said")
    return [
        {
            "source_node_id": place[link.source],
            "target_node_id": place[link.target],
            "weight": link.weight,
            "share": abs(link.weight) / size[link.target] if size[link.target] else 0.0,
        }
        for link in links
    ]


def _refuse_cycles(nodes: Sequence[GraphFileNode], edges: Sequence[Mapping[str, Any]]) -> None:
    sources: dict[int, list[int]] = {}
    for edge in edges:
        sources.setdefault(edge["target_node_id"], []).append(edge["source_node_id"])
    try:
        TopologicalSorter(sources).prepare()
    except CycleError as error:
        named = " → ".join(nodes[number].node_id for number in error.args[1][:4])
        raise ValueError(f"links of the graph lead in a circle ({named}): effects go from earlier to later") from error


def _with_influence(nodes: Sequence[dict[str, Any]], edges: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Influence, and the share of what acts on features and logits that comes from errors."""
    n = len(nodes)
    share_M = [edge["share"] for edge in edges]
    target_M, source_M = ([edge[name] for edge in edges] for name in ("target_node_id", "source_node_id"))
    shares = csr_array((share_M, (target_M, source_M)), shape=(n, n))
    influence_N = influence(shares, np.array([node["probability"] or 0.0 for node in nodes]))
    errors_N = shares @ np.array([float(node["kind"] == "error") for node in nodes])
    return [
        node
        | {"influence": float(influence_N[number])}
        | {"error_share": float(errors_N[number]) if node["kind"] in ("feature", "logit") else None}
        for number, node in enumerate(nodes)
    ]
