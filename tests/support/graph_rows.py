"""Rows of attribution graphs as the store holds them: a small one whose paths can be found by hand, and large ones."""

import random
from collections.abc import Sequence
from typing import Any

from experiment_rows import prompt_row

Rows = list[dict[str, Any]]
TABLES = ("attribution_graph", "graph_node", "graph_edge", "graph_check")
TOKENS = ["<s>", "def", " area", "("]
"""Of the prompt of `experiment_rows.prompt_row`."""


def small_graph() -> dict[str, Rows]:
    """Three kept features between four tokens and two logits, an error, and a feature and an edge that are not kept.

    The features are 0, 3 and 7 of `mid`: the first has a label, and all stand in layers 0, 1 and 2.
    """
    nodes = [
        _feature(0, 0, 1, 0, 0.2),
        _feature(1, 1, 2, 3, 0.3, supernode="numbers"),
        _feature(2, 2, 3, 7, 0.4),
        _feature(3, 2, 3, 5, 0.01, kept=False),
        _node(4, "error", 2, 0.1, layer=0),
        _node(5, "error", 3, 0.01, layer=1, kept=False),
        *(_node(6 + at, "token", at, (0.01, 0.25, 0.15, 0.1)[at], token_id=at, kept=at > 0) for at in range(4)),
        _node(10, "logit", 3, 0.0, token_id=4, token=")", probability=0.6, error_share=0.1),
        _node(11, "logit", 3, 0.0, token_id=5, token="x", probability=0.3, error_share=0.0),
    ]
    edges = [
        *_inputs(10, {2: (2.0, 0.5), 1: (-0.8, 0.2), 9: (0.4, 0.1), 4: (0.4, 0.1)}),
        *_inputs(11, {2: (-0.5, 0.5), 1: (0.5, 0.5)}),
        *_inputs(2, {1: (1.0, 0.4), 0: (0.75, 0.3), 9: (0.25, 0.1), 4: (0.5, 0.2)}),
        *_inputs(1, {0: (1.0, 0.5), 8: (0.5, 0.25)}),
        *_inputs(0, {7: (1.0, 0.9)}),
        *({**edge, "kept": False} for edge in _inputs(1, {7: (0.1, 0.05)})),
    ]
    checks = [
        _check(2, factor, frozen, target, spearman, cosine)
        for factor in (0.0, 2.0)
        for frozen, spearman, cosine in ((True, 1.0, 0.99), (False, 0.75, 0.9))
        for target in ("logits", "features")
    ]
    return dict(zip(TABLES, ([graph_row(nodes, edges)], nodes, edges, checks), strict=True))


def graph_row(nodes: Rows, edges: Rows, **others: Any) -> dict[str, Any]:
    """The row of `attribution_graph`, counted from nodes and edges."""
    features = sum(node["kind"] == "feature" for node in nodes)
    return {
        "prompt_id": 0,
        "n_tokens": sum(node["kind"] == "token" for node in nodes),
        "n_special": 1,
        "n_active_features": features,
        "n_features": features,
        "left_out_influence": 0.0,
        "dropped_edges": 0.0,
        "n_logits": sum(node["kind"] == "logit" for node in nodes),
        "logit_mass": 0.9,
        "replacement_score": 0.75,
        "completeness_score": 0.875,
        "node_threshold": 0.8,
        "edge_threshold": 0.98,
        "n_kept_nodes": sum(node["kept"] for node in nodes),
        "n_kept_edges": sum(edge["kept"] for edge in edges),
    } | others


def made_here(**others: Any) -> dict[str, Any]:
    """What the query `graph` adds of a graph that was not imported."""
    names = ("imported_from", "imported_sha256", "imported_tool", "imported_scan", "imported_transcoders")
    return dict.fromkeys(names) | others


def large_graph(n_features: int = 480, n_layers: int = 12, n_tokens: int = 14, seed: int = 0) -> dict[str, Rows]:
    """A drawn graph of so many features of `mid`, the inputs of each from earlier layers and positions."""
    draw = random.Random(seed)
    drawn = [(draw.randrange(n_layers), 1 + int(draw.expovariate(0.2))) for _ in range(n_features)]
    places = sorted((layer, min(n_tokens - 1, position)) for layer, position in drawn)
    nodes = [_feature(at, layer, position, at % 11, 0.0) for at, (layer, position) in enumerate(places)]
    n = len(nodes)
    nodes += [_node(n + at, "token", at, 0.0, token_id=at, token=f" word{at}") for at in range(n_tokens)]
    n = len(nodes)
    logits = [_node(n + at, "logit", n_tokens - 1, 0.0, token_id=at, token=f" next{at}") for at in range(5)]
    nodes += [node | {"probability": 0.5 / 2**at} for at, node in enumerate(logits)]
    edges: Rows = []
    for node in nodes:
        if node["kind"] != "token":
            layer = node["layer"] if node["layer"] is not None else n_layers
            before = [
                each["node_id"]
                for each in nodes
                if each["kind"] != "logit"
                and each["position"] <= node["position"]
                and (each["layer"] if each["layer"] is not None else -1) < layer
            ]
            chosen = draw.sample(before, min(len(before), 24))
            sizes = [draw.expovariate(1) ** 3 for _ in chosen]
            edges += _inputs(
                node["node_id"],
                {
                    each: (size * draw.choice((1, 1, -1)), size / sum(sizes))
                    for each, size in zip(chosen, sizes, strict=True)
                },
            )
    return dict(zip(TABLES, ([graph_row(nodes, edges)], _with_influence(nodes, edges), edges, []), strict=True))


def graph_of_texts(texts: Sequence[str]) -> dict[str, Rows]:
    """A feature of `mid` for each text, which is its token, its supernode, a logit's token; and the prompt of them."""
    n = len(texts)
    nodes = [_feature(at, at % 3, at, at, 1 / n, token=text, supernode=text) for at, text in enumerate(texts)]
    nodes += [_node(n + at, "token", at, 1 / n, token_id=at, token=text) for at, text in enumerate(texts)]
    nodes += [_node(2 * n, "error", 0, 0.5, layer=1, token=texts[0])]
    last = 2 * n + 1
    logits = range(last, last + min(8, n))
    nodes += [_node(at, "logit", n - 1, 0.0, token_id=at, token=texts[at - last], probability=0.1) for at in logits]
    edges = [edge for at in range(n) for edge in _inputs(at, {n + at: (1.0, 0.9)})]
    edges += [edge for at in logits for edge in _inputs(at, dict.fromkeys([*range(n), 2 * n], (1.0, 0.5 / n)))]
    prompt = prompt_row(text="".join(texts)[:5000], tokens=list(texts))
    return dict(zip(TABLES, ([graph_row(nodes, edges)], nodes, edges, []), strict=True)) | {"prompt": [prompt]}


def _with_influence(nodes: Rows, edges: Rows) -> Rows:
    """Influence passed back from later nodes to earlier ones: features are ordered by layer, so the last come first."""
    influence = dict.fromkeys((node["node_id"] for node in nodes), 0.0)
    inputs: dict[int, Rows] = {}
    for edge in edges:
        inputs.setdefault(edge["target_node_id"], []).append(edge)
    kinds = ("logit", "feature")
    for node in sorted(nodes, key=lambda each: (each["kind"] in kinds and kinds.index(each["kind"]), -each["node_id"])):
        passed = influence[node["node_id"]] + (node["probability"] or 0.0)
        for edge in inputs.get(node["node_id"], []):
            influence[edge["source_node_id"]] += passed * edge["share"]
    return [node | {"influence": influence[node["node_id"]]} for node in nodes]


def _feature(node_id: int, layer: int, position: int, feature: int, influence: float, **others: Any) -> dict[str, Any]:
    known = {"layer": layer, "recipe_id": "mid", "feature_id": feature, "activation": 1.5, "error_share": 0.1}
    return _node(node_id, "feature", position, influence, **known, **others)


def _node(node_id: int, kind: str, position: int, influence: float, **others: Any) -> dict[str, Any]:
    empty = dict.fromkeys(
        ("layer", "recipe_id", "feature_id", "token_id", "activation", "probability", "error_share", "supernode")
    )
    token = TOKENS[position] if position < len(TOKENS) else f" word{position}"
    fixed = {"prompt_id": 0, "node_id": node_id, "kind": kind, "position": position, "influence": influence}
    return empty | fixed | {"token": token, "kept": True} | others


def _inputs(target: int, sources: dict[int, tuple[float, float]]) -> Rows:
    return [
        {
            "prompt_id": 0,
            "source_node_id": source,
            "target_node_id": target,
            "weight": weight,
            "share": share,
            "kept": True,
        }
        for source, (weight, share) in sources.items()
    ]


def _check(node_id: int, factor: float, frozen: bool, target: str, spearman: float, cosine: float) -> dict[str, Any]:
    named = {"node_id": node_id, "factor": factor, "frozen": frozen, "target": target}
    sizes = {"n_targets": 2, "spearman": spearman, "cosine": cosine, "predicted_size": 1.0, "actual_size": 1.25}
    return {"prompt_id": 0} | named | sizes
