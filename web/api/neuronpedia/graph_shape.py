"""An attribution graph as the viewers of circuit-tracer and of Neuronpedia read it.

Keys are those of circuit-tracer 0.5.0 (schema 1) and of Neuronpedia's graph-schema.json 1.0.0. Their ids of errors are
`0_{layer}_{position}`, as is that of a feature of block 0; ours of errors begin with `error`, so that none are alike.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from web.api.endpoint import object_schema
from web.api.neuronpedia.schemas import MAYBE_NUMBER, NUMBER, TEXT, WHOLE, list_of

Row = Mapping[str, Any]
KINDS = {
    "feature": "cross layer transcoder",
    "error": "mlp reconstruction error",
    "token": "embedding",
    "logit": "logit",
}
"""Their names of kinds of nodes; a feature of any transcoder bears the first."""
SCHEMA_VERSION = 1
"""From this version on, `feature` of a node pairs block and number."""


def graph_shape(
    graph: Row, nodes: Sequence[Row], edges: Sequence[Row], n_layers: int, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The JSON of a graph.

    Args:
        graph: A row of the query `graph`, with model_id and experiment_id.
        nodes: Rows of `graph_nodes`.
        edges: Rows of `graph_edges`.
        n_layers: Blocks of the model.
        settings: Those of the experiment.
    """
    ids = {node["node_id"]: _id(node, n_layers) for node in nodes}
    logits = [node for node in nodes if node["kind"] == "logit"]
    target = max(logits, key=lambda node: node["probability"], default=None)
    groups: dict[str, list[str]] = {}
    for node in nodes:
        if node["supernode"] is not None:
            groups.setdefault(node["supernode"], []).append(ids[node["node_id"]])
    return {
        "metadata": _metadata(graph, nodes, settings),
        "qParams": {
            "pinnedIds": [each for members in groups.values() for each in members],
            "supernodes": [[name, *members] for name, members in groups.items()],
            "linkType": "both",
            "clickedId": ids[target["node_id"]] if target else "",
            "sg_pos": "",
        },
        "nodes": [_node(node, ids[node["node_id"]], n_layers, node is target) for node in nodes],
        "links": [
            {"source": ids[edge["source_node_id"]], "target": ids[edge["target_node_id"]], "weight": edge["weight"]}
            for edge in edges
            if edge["source_node_id"] in ids and edge["target_node_id"] in ids
        ],
    }


def cantor_pair(layer: int, feature: int) -> int:
    """One number for two."""
    return (layer + feature) * (layer + feature + 1) // 2 + feature


def _metadata(graph: Row, nodes: Sequence[Row], settings: Mapping[str, Any]) -> dict[str, Any]:
    sources = {(node["layer"], node["recipe_id"]) for node in nodes if node["kind"] == "feature" and node["recipe_id"]}
    given = {"max_logits": "max_n_logits", "logit_mass": "desired_logit_prob", "max_features": "max_feature_nodes"}
    return {
        "slug": f"{graph['model_id']}-{graph['experiment_id']}-{graph['prompt_id']}",
        "scan": graph["imported_scan"] or graph["model_id"],
        "transcoder_list": graph["imported_transcoders"]
        or [f"{graph['model_id']}/{layer}-{recipe}" for layer, recipe in sorted(sources)],
        "prompt_tokens": list(graph["tokens"]),
        "prompt": graph["text"],
        "node_threshold": graph["node_threshold"],
        "schema_version": SCHEMA_VERSION,
        "info": {"description": _description(graph), "generator": {"name": "Glasshouse"}},
        "generation_settings": {
            theirs: settings[ours] for ours, theirs in given.items() if settings.get(ours) is not None
        },
        "pruning_settings": {"node_threshold": graph["node_threshold"], "edge_threshold": graph["edge_threshold"]},
    }


def _description(graph: Row) -> str:
    if graph["imported_from"] is not None:
        return f"imported from {graph['imported_from']}, sha256 {graph['imported_sha256']}"
    return f"replacement {graph['replacement_score']:.4g}, completeness {graph['completeness_score']:.4g}"


def _id(node: Row, n_layers: int) -> str:
    kind, position = node["kind"], node["position"]
    if kind == "feature":
        return f"{node['layer']}_{node['feature_id']}_{position}"
    if kind == "error":
        return f"error_{node['layer']}_{position}"
    return f"{'E' if kind == 'token' else n_layers + 1}_{node['token_id']}_{position}"


def _node(node: Row, node_id: str, n_layers: int, is_target: bool) -> dict[str, Any]:
    kind = node["kind"]
    layer = {"token": "E", "logit": str(n_layers + 1)}.get(kind, str(node["layer"]))
    feature = {"error": -1, "token": node["position"], "logit": node["token_id"]}.get(kind)
    words = {"feature": node["label"] or "", "logit": f'Output "{node["token"]}" (p={node["probability"] or 0:.3f})'}
    return {
        "node_id": node_id,
        "feature": cantor_pair(node["layer"], node["feature_id"]) if feature is None else feature,
        "layer": layer,
        "ctx_idx": node["position"],
        "feature_type": KINDS[kind],
        "token_prob": node["probability"] or 0.0,
        "is_target_logit": is_target,
        "run_idx": 0,
        "reverse_ctx_idx": 0,
        "jsNodeId": f"{node_id.rpartition('_')[0]}-{node['position'] if kind in ('token', 'logit') else 0}",
        "clerp": words.get(kind, ""),
        "influence": node["cumulative_influence"],
        "activation": node["activation"],
    }


SCHEMA = object_schema(
    metadata=object_schema(
        slug=TEXT, scan=TEXT, transcoder_list=list_of(TEXT), prompt_tokens=list_of(TEXT), prompt=TEXT
    ),
    qParams=object_schema(
        pinnedIds=list_of(TEXT), supernodes=list_of(list_of(TEXT)), linkType=TEXT, clickedId=TEXT, sg_pos=TEXT
    ),
    nodes=list_of(
        object_schema(
            node_id=TEXT,
            feature=WHOLE,
            layer=TEXT,
            ctx_idx=WHOLE,
            feature_type=TEXT,
            jsNodeId=TEXT,
            clerp=TEXT,
            influence=MAYBE_NUMBER,
            activation=MAYBE_NUMBER,
        )
    ),
    links=list_of(object_schema(source=TEXT, target=TEXT, weight=NUMBER)),
)
