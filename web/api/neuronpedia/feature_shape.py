"""A feature, its windows and its labels, with the keys that Neuronpedia's API gives them.

Two things are otherwise than in their dumps, since their Python client reads nothing else: windows and labels have
`source` beside `layer`, which mean the same, and `binContains` of the strongest windows is null, not -1.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

CREATOR = "clkht01d40000jv08hvalcvly"
"""The user that Neuronpedia's own converters name where they know no other."""
IMPORTED = "neuronpedia:"
"""What the names of explainers begin with whose labels were imported."""
STRENGTH = 10
_HOOKS = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")
PARTS = ("examples", "activations", "cofiring_densities", "effects", "neighbors", "labels", "label_scores")
"""Queries whose rows the whole of a feature is made from; the slowest stand first, since two are found at once."""
Row = Mapping[str, Any]
Rows = Sequence[Row]


def feature_shape(source: Row, feature: Row, parts: Mapping[str, Rows]) -> dict:
    """The whole of a feature.

    Args:
        source: Row of `source`.
        feature: Row of `feature`.
        parts: Rows of each query of `PARTS`.
    """
    own = {"modelId": source["model_id"], "layer": source["source"], "index": str(feature["feature_id"])}
    by_rank = {name: sorted(parts[name], key=lambda row: row["rank"]) for name in ("effects", "neighbors")}
    promoted, suppressed = (
        [row for row in by_rank["effects"] if row["direction"] == direction] for direction in ("positive", "negative")
    )
    alike, together = (
        [row for row in by_rank["neighbors"] if row["kind"] == kind] for kind in ("decoder_cosine", "cofiring_jaccard")
    )
    bars = parts["activations"]
    densities = {row["feature_id"]: row["density"] for row in parts["cofiring_densities"]}
    return {
        **own,
        "creatorId": CREATOR,
        "createdAt": _moment(source["created_at"]),
        "sourceSetName": source["recipe_id"],
        "maxActApprox": feature["max_activation"],
        "hasVector": False,
        "vector": [],
        "vectorLabel": None,
        "vectorDefaultSteerStrength": feature["max_activation"] or STRENGTH,
        "hookName": hook_name(source["site"]),
        "topkCosSimIndices": [row["other_feature_id"] for row in alike],
        "topkCosSimValues": [row["value"] for row in alike],
        "neuron_alignment_indices": [],
        "neuron_alignment_values": [],
        "neuron_alignment_l1": [],
        "correlated_neurons_indices": [],
        "correlated_neurons_pearson": [],
        "correlated_neurons_l1": [],
        "correlated_features_indices": [row["other_feature_id"] for row in together],
        "correlated_features_pearson": [
            correlation(row["value"], feature["density"], densities[row["other_feature_id"]])
            if row["other_feature_id"] in densities
            else None
            for row in together
        ],
        "correlated_features_l1": [row["value"] for row in together],
        "neg_str": [row["token"] for row in suppressed],
        "neg_values": [row["logit_weight"] for row in suppressed],
        "pos_str": [row["token"] for row in promoted],
        "pos_values": [row["logit_weight"] for row in promoted],
        "frac_nonzero": feature["density"],
        "freq_hist_data_bar_heights": [row["n"] for row in bars],
        "freq_hist_data_bar_values": [(row["lower"] + row["upper"]) / 2 for row in bars],
        "logits_hist_data_bar_heights": [],
        "logits_hist_data_bar_values": [],
        "decoder_weights_dist": [],
        "activations": activation_shapes(source, feature, parts["examples"], bars),
        "explanations": explanation_shapes(source, feature, parts["labels"], parts["label_scores"]),
    }


def activation_shapes(source: Row, feature: Row, examples: Rows, bars: Rows) -> list[dict[str, Any]]:
    """The windows in which it fires, strongest first; controls, where it is silent, have no place there."""
    counts: Counter[int] = Counter()
    for bar in bars:
        counts[bar["interval_index"]] += bar["n"]
    fires = [row for row in examples if row["kind"] != "control"]
    shapes = [_activation(source, feature, row, counts if bars else None) for row in fires]
    return sorted(shapes, key=lambda shape: (-shape["maxValue"], shape["binContains"] or 0.0))


def _activation(source: Row, feature: Row, row: Row, counts: Mapping[int, int] | None) -> dict[str, Any]:
    low, high, share = -1.0, feature["max_activation"], None
    if row["kind"] == "interval":
        number, n = row["interval_index"], source["n_intervals"]
        share = None if counts is None else counts[number] / feature["n_tokens"]
        low, high = (None, None) if high is None else (high * number / n, high * (number + 1) / n)
    values = row["activations"]
    return {
        "id": row["example_id"],
        "modelId": source["model_id"],
        "layer": source["source"],
        "source": source["source"],
        "index": str(feature["feature_id"]),
        "tokens": row["tokens"],
        "values": values,
        "maxValue": max(values),
        "maxValueTokenIndex": values.index(max(values)),
        "minValue": min(values),
        "qualifyingTokenIndex": row["peak"],
        "binMin": low,
        "binMax": high,
        "binContains": share,
        "dataIndex": f"{row['context_id']}:{row['position']}",
        "dataSource": row["document_id"],
        "dfaValues": [],
        "dfaTargetIndex": None,
        "dfaMaxValue": None,
        "lossValues": [],
        "logitContributions": None,
        "creatorId": CREATOR,
        "createdAt": _moment(source["created_at"]),
    }


def explanation_shapes(source: Row, feature: Row, labels: Rows, scores: Rows) -> list[dict[str, Any]]:
    """Its labels; attempts that failed have none."""
    scores_by_label = {row["explanation_id"]: row["scores"] or [] for row in scores}
    given = [row for row in labels if row["label"] is not None and row["status"] == "ok"]
    return [
        {
            "id": row["explanation_id"],
            "modelId": source["model_id"],
            "layer": source["source"],
            "source": source["source"],
            "index": str(feature["feature_id"]),
            "description": row["label"],
            "authorId": CREATOR,
            "typeName": row["explainer"].removeprefix(IMPORTED),
            "explanationModelName": row["llm"],
            "createdAt": _moment(row["created_at"] or source["created_at"]),
            "scores": [_score(score, row["llm"]) for score in scores_by_label.get(row["explanation_id"], [])],
        }
        for row in sorted(given, key=lambda row: row["explanation_id"])
    ]


def _score(score: Row, llm: str | None) -> dict[str, Any]:
    details = {key: score[key] for key in ("metric", "ci_low", "ci_high", "n_trials", "n_failed")}
    return {
        "explanationScoreTypeName": score["scorer"],
        "explanationScoreModelName": llm,
        "value": score["value"],
        "jsonDetails": json.dumps(details),
    }


def hook_name(site: str) -> str | None:
    """TransformerLens's name of a site of a block, where both have one word for it."""
    kind, _, layer = site.partition(".")
    return f"blocks.{layer}.hook_{kind}" if kind in _HOOKS and layer.isdigit() else None


def correlation(jaccard: float, one: float, other: float) -> float:
    """Correlation of whether two features fire (phi), from their Jaccard index and their densities."""
    shared = jaccard * (one + other) / (1 + jaccard)
    spread = one * (1 - one) * other * (1 - other)
    return (shared - one * other) / math.sqrt(spread) if spread > 0 else 0.0


def _moment(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds") + "Z"
