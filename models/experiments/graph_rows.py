"""Rows of the tables of attribution graphs, of one prompt's graph."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.attribution.graphs.attribution_graph import KINDS, AttributionGraph
from models.attribution.graphs.changed_features import ChangeEffect
from models.attribution.graphs.influence import GraphScores, PrunedGraph
from models.attribution.graphs.transcoded_prompt import TranscodedPrompt
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.settings.attribution_graph import AttributionGraphSettings


@dataclass(frozen=True)
class PrunedPrompt:
    """One prompt's graph, scored and pruned."""

    prompt_id: int
    passed: TranscodedPrompt
    graph: AttributionGraph
    scores: GraphScores
    kept: PrunedGraph
    cluster_N: np.ndarray
    """As `node_clusters` gives them."""

    @property
    def kept_features(self) -> np.ndarray:
        """Nodes of the features that pruning keeps, the most influential first."""
        features = np.flatnonzero(self.kept.node_N[self.graph.features])
        return features[np.argsort(-self.scores.influence_N[features], kind="stable")]


def graph_row(found: PrunedPrompt, settings: AttributionGraphSettings) -> dict[str, Any]:
    """The row of `attribution_graph`."""
    graph, kept = found.graph, found.kept
    sizes = graph.input_size_N.sum()
    return {
        "prompt_id": found.prompt_id,
        "n_tokens": len(found.passed.token_ids),
        "n_special": found.passed.n_special,
        "n_active_features": graph.n_active,
        "n_features": graph.features.stop,
        "left_out_influence": graph.left_out_influence,
        "dropped_edges": max(0.0, 1 - float(np.abs(graph.weights.data).sum() / sizes)) if sizes else 0.0,
        "n_logits": len(graph) - graph.logits.start,
        "logit_mass": float(graph.probability_N.sum()),
        "replacement_score": found.scores.replacement,
        "completeness_score": found.scores.completeness,
        "node_threshold": settings.node_threshold,
        "edge_threshold": settings.edge_threshold,
        "n_kept_nodes": int(kept.node_N.sum()),
        "n_kept_edges": int(kept.edge_M.sum()),
    }


def node_rows(
    found: PrunedPrompt,
    dictionaries: Sequence[FeatureDictionary],
    supernodes: Mapping[str, Sequence[str]],
    tokenizer: Any,
) -> Iterator[dict[str, Any]]:
    """The rows of `graph_node`."""
    graph, nodes = found.graph, found.graph.nodes
    recipe_of = {dictionary.written.layer: dictionary.recipe_id for dictionary in dictionaries}
    group_of = {feature: name for name, features in supernodes.items() for feature in features}
    for node_id, place in enumerate(nodes.kind_N.tolist()):
        kind, layer, position = KINDS[place], int(nodes.layer_N[node_id]), int(nodes.position_N[node_id])
        is_feature, is_read = kind == "feature", kind in ("feature", "logit")
        token = int(nodes.token_N[node_id]) if kind in ("token", "logit") else None
        recipe, feature = recipe_of.get(layer), int(nodes.feature_N[node_id])
        yield {
            "prompt_id": found.prompt_id,
            "node_id": node_id,
            "kind": kind,
            "layer": layer if kind in ("feature", "error") else None,
            "position": position,
            "recipe_id": recipe if is_feature else None,
            "feature_id": feature if is_feature else None,
            "token_id": token,
            "token": tokenizer.decode([found.passed.token_ids[position] if token is None else token]),
            "activation": float(nodes.activation_N[node_id]) if is_feature else None,
            "probability": float(graph.probability_N[node_id]) if kind == "logit" else None,
            "influence": float(found.scores.influence_N[node_id]),
            "error_share": float(found.scores.error_share_N[node_id]) if is_read else None,
            "kept": bool(found.kept.node_N[node_id]),
            "supernode": group_of.get(f"{recipe}/{feature}") if is_feature else None,
            "cluster": int(found.cluster_N[node_id]) if found.cluster_N[node_id] >= 0 else None,
        }


def edge_rows(found: PrunedPrompt) -> Iterator[dict[str, Any]]:
    """The rows of `graph_edge`: edges between nodes that are kept."""
    node_N, entries = found.kept.node_N, found.graph.weights.tocoo()
    share_M = found.graph.shares.data
    for place in np.flatnonzero(node_N[entries.row] & node_N[entries.col]).tolist():
        yield {
            "prompt_id": found.prompt_id,
            "source_node_id": int(entries.col[place]),
            "target_node_id": int(entries.row[place]),
            "weight": float(entries.data[place]),
            "share": float(share_M[place]),
            "kept": bool(found.kept.edge_M[place]),
        }


def check_row(prompt_id: int, effect: ChangeEffect, frozen: bool) -> dict[str, Any]:
    """A row of `graph_check`."""
    return {
        "prompt_id": prompt_id,
        "node_id": effect.change.node,
        "factor": effect.change.factor,
        "frozen": frozen,
        "target": effect.target,
        "n_targets": len(effect.actual_T),
        "spearman": effect.spearman,
        "cosine": effect.cosine,
        "predicted_size": float(np.linalg.norm(effect.predicted_T)),
        "actual_size": float(np.linalg.norm(effect.actual_T)),
    }
