"""Lines of features/batch-N.jsonl.gz: how a feature fires, what it promotes, which others are near it."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from models.interchange.dashboards.checked_record import CheckedRecord
from models.interchange.dashboards.dump import Part
from models.interchange.dashboards.neuronpedia.export_identity import ExportIdentity
from models.interchange.dashboards.neuronpedia.rows_by_feature import RowsByFeature
from models.interchange.hook_names import to_hook_name

NEEDED = ("modelId", "layer", "index", "maxActApprox", "frac_nonzero")
ROUNDED = 1e-5
"""SAEDashboard writes densities to three decimals of a per cent."""
Row = dict[str, Any]
Rows = dict[str, list[Row]]


def lines(stamp: ExportIdentity, part: Part, firings: Mapping[int, int]) -> Iterator[Row]:
    """A line for each row of `feature`; what the layout has and the warehouse has not is an empty list or null.

    Args:
        part: `feature`, `activation_histogram`, `logit_effect` and `neighbor` of the same features.
        firings: Firings of every feature of the dictionary.
    """
    by_rank = ("rank", "ascending")
    bars, effects, near = (
        RowsByFeature(part["activation_histogram"], ("bin", "ascending")),
        RowsByFeature(part["logit_effect"], by_rank),
        RowsByFeature(part["neighbor"], by_rank),
    )
    cards = RowsByFeature(part["feature"])
    for feature in cards:
        [card] = cards[feature]
        counted = [row for row in bars[feature] if row["upper"] > 0]
        yield _line(stamp, card, counted, effects[feature], near[feature], firings)


def _line(
    stamp: ExportIdentity, card: Row, bars: list[Row], effects: list[Row], near: list[Row], firings: Mapping[int, int]
) -> Row:
    promoted, suppressed = (
        [row for row in effects if row["direction"] == direction] for direction in ("positive", "negative")
    )
    alike, together = ([row for row in near if row["kind"] == kind] for kind in ("decoder_cosine", "cofiring_jaccard"))
    others = [firings[row["other_feature_id"]] for row in together]
    return {
        "modelId": stamp.model,
        "layer": stamp.source,
        "index": str(card["feature_id"]),
        "creatorId": stamp.creator,
        "createdAt": stamp.created_at,
        "maxActApprox": card["max_activation"],
        "hasVector": False,
        "vector": [],
        "vectorLabel": None,
        "vectorDefaultSteerStrength": card["max_activation"],
        "hookName": to_hook_name(stamp.site),
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
            phi(row["value"], card["n_firings"], other, card["n_tokens"])
            for row, other in zip(together, others, strict=True)
        ],
        "correlated_features_l1": [row["value"] for row in together],
        "neg_str": [row["token"] for row in suppressed],
        "neg_values": [row["logit_weight"] for row in suppressed],
        "pos_str": [row["token"] for row in promoted],
        "pos_values": [row["logit_weight"] for row in promoted],
        "frac_nonzero": card["density"],
        "freq_hist_data_bar_heights": [row["n"] for row in bars],
        "freq_hist_data_bar_values": [(row["lower"] + row["upper"]) / 2 for row in bars],
        "logits_hist_data_bar_heights": [],
        "logits_hist_data_bar_values": [],
        "decoder_weights_dist": [],
        "sourceSetName": stamp.source_set,
    }


def phi(jaccard: float, one: int, other: int, n_tokens: int) -> float:
    """Correlation of whether two features fire, from their Jaccard index and their firings; 0 where one of them never
    varies."""
    shared = jaccard * (one + other) / (1 + jaccard)
    spread = one * (n_tokens - one) * other * (n_tokens - other)
    return (shared * n_tokens - one * other) / math.sqrt(spread) if spread > 0 else 0.0


def add_rows(rows: Rows, record: CheckedRecord, n_tokens: int, own: tuple[str, str], *, ours: bool) -> bool:
    """Adds the rows that one line says.

    Args:
        rows: Lists by table.
        n_tokens: Tokens that were looked at.
        own: model_id and recipe_id of the dictionary that the rows are for.
        ours: Whether this house wrote the line, and `correlated_features_l1` is what its notes say.

    Returns:
        Whether the bars count the feature's firings; if not they are left out.
    """
    feature = record.index("index")
    strongest = record.number("maxActApprox")
    bars, n_firings, counted = _bars(record, feature, strongest, n_tokens)
    rows["feature"].append(_feature(record, feature, strongest, n_firings, n_tokens))
    rows["activation_histogram"] += bars
    for direction, sign in (("positive", "pos"), ("negative", "neg")):
        rows["logit_effect"] += _effects(record, feature, direction, f"{sign}_str", f"{sign}_values")
    rows["neighbor"] += _near(record, feature, own, "decoder_cosine", "topkCosSimIndices", "topkCosSimValues")
    if ours:
        near = ("correlated_features_indices", "correlated_features_l1")
        rows["neighbor"] += _near(record, feature, own, "cofiring_jaccard", *near)
    return counted


def _feature(record: CheckedRecord, feature: int, strongest: float | None, n_firings: int, n_tokens: int) -> Row:
    density, said = n_firings / n_tokens, record.number("frac_nonzero") or 0.0
    vector = record.numbers("vector")
    return {
        "feature_id": feature,
        "n_firings": n_firings,
        "n_tokens": n_tokens,
        "density": said if abs(said - density) < 1e-12 else density,
        "max_activation": strongest if n_firings and strongest and strongest > 0 else None,
        "is_dead": n_firings == 0,
        "decoder_norm": math.hypot(*vector) if vector else None,
    }


def _bars(record: CheckedRecord, feature: int, strongest: float | None, n_tokens: int) -> tuple[list[Row], int, bool]:
    """Bins, firings, and whether the first count the second: heights are whole and add up to the density."""
    heights, said = record.numbers("freq_hist_data_bar_heights", 0), record.number("frac_nonzero", 0, 1) or 0.0
    middles = record.numbers("freq_hist_data_bar_values")
    record.same_length("freq_hist_data_bar_heights", "freq_hist_data_bar_values")
    total = sum(heights)
    whole = all(height.is_integer() for height in heights)
    if not whole or total > n_tokens or abs(total / n_tokens - said) > ROUNDED + 0.01 * said:
        return [], round(said * n_tokens), False
    if not total:
        return [], 0, True
    edges = _edges(record, middles, strongest)
    pairs = zip(edges, edges[1:], heights, strict=False)
    bins = [
        {"feature_id": feature, "bin": bin_, "lower": lower, "upper": upper, "n": int(n)}
        for bin_, (lower, upper, n) in enumerate(pairs)
    ]
    return bins, int(total), True


def _edges(record: CheckedRecord, middles: list[float], strongest: float | None) -> list[float]:
    """Where bars begin and end, from their middles; equal slices of (0, strongest] are had again to the last bit."""
    n = len(middles)
    if strongest and all(abs(m - (b + 0.5) * strongest / n) <= 1e-9 * strongest for b, m in enumerate(middles)):
        return [strongest * b / n for b in range(n + 1)]
    width = (middles[-1] - middles[0]) / (n - 1) if n > 1 else 2 * middles[0]
    edges = [max(m - width / 2, 0.0) for m in middles] + [middles[-1] + width / 2]
    if edges != sorted(edges):
        raise record.fault(
            f"freq_hist_data_bar_values begin {middles[:4]}, wanted middles of equal bars above 0, ascending: write "
            "the dump again"
        )
    return edges


def _effects(record: CheckedRecord, feature: int, direction: str, words: str, values: str) -> list[Row]:
    record.same_length(words, values)
    pairs = zip(record.texts(words), record.numbers(values), strict=True)
    return [
        {"feature_id": feature, "direction": direction, "rank": rank, "token": token, "logit_weight": logit}
        for rank, (token, logit) in enumerate(pairs)
    ]


def _near(record: CheckedRecord, feature: int, own: tuple[str, str], kind: str, others: str, values: str) -> list[Row]:
    record.same_length(others, values)
    pairs = zip(record.indices(others), record.numbers(values, -1.000001, 1.000001), strict=True)
    apart = [(other, value) for other, value in pairs if other != feature]
    return [
        {
            "feature_id": feature,
            "kind": kind,
            "rank": rank,
            "other_model_id": own[0],
            "other_recipe_id": own[1],
            "other_feature_id": other,
            "value": value,
        }
        for rank, (other, value) in enumerate(apart)
    ]
