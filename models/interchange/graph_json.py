"""Attribution graphs as the JSON that the viewers of circuit-tracer and Neuronpedia read, out and in.

A node there is named by a string that viewers never take apart: here `layer_feature_position` of a feature as
circuit-tracer has it, and `error_layer_position` of an error, whose own name (`0_layer_position`) is also that of a
feature of block 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA_VERSION = 1
"""The newest version of the JSON that is read, and the one that is written."""
_TYPES = {
    "feature": "cross layer transcoder",
    "error": "mlp reconstruction error",
    "token": "embedding",
    "logit": "logit",
}
"""Kinds of nodes as the JSON spells them."""

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


def graph_json(
    slug: str, scan: str, graph: Row, tokens: Sequence[str], nodes: Sequence[Row], edges: Sequence[Row]
) -> Any:
    """The JSON of a graph.

    Args:
        slug: Its name, unique among the graphs of a viewer.
        scan: Name of model and transcoders.
        graph: Row of `attribution_graph`.
        tokens: Of the prompt, as strings.
        nodes: Kept rows of `graph_node`, each with `label`.
        edges: Kept rows of `graph_edge`.
    """
    n_layers = 1 + max((row["layer"] for row in nodes if row["layer"] is not None), default=0)
    names = {row["node_id"]: _name(row, n_layers) for row in nodes}
    likeliest = max((row["probability"] for row in nodes if row["kind"] == "logit"), default=None)
    groups: dict[str, list[str]] = {}
    for row in nodes:
        if row["supernode"] is not None:
            groups.setdefault(row["supernode"], []).append(names[row["node_id"]])
    return {
        "metadata": {
            "slug": slug,
            "scan": scan,
            "transcoder_list": sorted({row["recipe_id"] for row in nodes if row["recipe_id"] is not None}),
            "prompt_tokens": list(tokens),
            "prompt": "".join(tokens),
            "node_threshold": graph["node_threshold"],
            "schema_version": SCHEMA_VERSION,
            "info": {"generator": {"name": "glasshouse"}},
            "replacement_score": graph["replacement_score"],
            "completeness_score": graph["completeness_score"],
        },
        "qParams": {
            "pinnedIds": [],
            "supernodes": [[name, *members] for name, members in groups.items()],
            "linkType": "both",
            "clickedId": "",
            "sg_pos": "",
        },
        "nodes": [_node(row, names[row["node_id"]], n_layers, likeliest) for row in nodes],
        "links": [
            {"source": names[e["source_node_id"]], "target": names[e["target_node_id"]], "weight": e["weight"]}
            for e in edges
        ],
    }


def _name(row: Row, n_layers: int) -> str:
    match row["kind"]:
        case "feature":
            return f"{row['layer']}_{row['feature_id']}_{row['position']}"
        case "error":
            return f"error_{row['layer']}_{row['position']}"
        case "token":
            return f"E_{row['token_id']}_{row['position']}"
    return f"{n_layers + 1}_{row['token_id']}_{row['position']}"


def _node(row: Row, name: str, n_layers: int, likeliest: float | None) -> dict[str, Any]:
    kind = row["kind"]
    layer = {"token": "E", "logit": str(n_layers + 1)}.get(kind, str(row["layer"]))
    number = {"feature": row["feature_id"], "error": -1, "token": row["position"], "logit": row["token_id"]}[kind]
    if kind == "feature":
        number = _paired(row["layer"], row["feature_id"])
    said = f'Output "{row["token"]}" (p={row["probability"]:.3f})' if kind == "logit" else row.get("label") or ""
    return {
        "node_id": name,
        "feature": number,
        "layer": layer,
        "ctx_idx": row["position"],
        "feature_type": _TYPES[kind],
        "token_prob": row["probability"] or 0.0,
        "is_target_logit": kind == "logit" and row["probability"] == likeliest,
        "run_idx": 0,
        "reverse_ctx_idx": 0,
        "jsNodeId": name,
        "clerp": said,
        "influence": row["influence"],
        "activation": row["activation"],
    }


def _paired(layer: int, feature: int) -> int:
    """Cantor's number of a pair."""
    return (layer + feature) * (layer + feature + 1) // 2 + feature


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
        version = found["metadata"].get("schema_version") or 1
        if version > SCHEMA_VERSION:
            raise ValueError(
                f"the graph is of schema_version {version} and {SCHEMA_VERSION} is read: write it with an older "
                "version of the tool, or update Glasshouse"
            )
        kinds, named = {name: kind for kind, name in _TYPES.items()}, found["nodes"]
        metadata, groups = found["metadata"], found.get("qParams", {}).get("supernodes", [])
        group_of = {member: name for name, *members in groups for member in members}
        place = {node["node_id"]: number for number, node in enumerate(named)}
        if len(place) < len(named):
            twice = next(node["node_id"] for number, node in enumerate(named) if place[node["node_id"]] != number)
            raise ValueError(f"two nodes of the graph are called {twice}: links to it have two meanings")
        nodes = [_read_node(node, place, kinds, group_of, metadata["prompt_tokens"]) for node in named]
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
    node: Row, place: Mapping[str, int], kinds: Mapping[str, str], group_of: Mapping[str, str], tokens: Sequence[str]
) -> dict[str, Any]:
    kind = kinds.get(node["feature_type"])
    if kind is None:
        raise ValueError(
            f"node {node['node_id']} is of the type {node['feature_type']!r}: known are {', '.join(kinds)}"
        )
    layer, feature = _unpaired(node["feature"]) if kind == "feature" else (None, None)
    if kind == "feature" and str(layer) != str(node["layer"]):
        feature = node["feature"]  # not paired: Neuronpedia's own graphs have plain numbers
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
