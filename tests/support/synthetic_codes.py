"""Planted codes of a synthetic store, and the statistics that follow from them."""

import hashlib
import json
from itertools import pairwise
from typing import Any

WORDS = ["def", " return", " str", " int", "'", '"', ":", "\n", " self", " import"]
N_FEATURES, N_CONTEXTS, LENGTH, BINS = 12, 10, 16, 4
DEAD = N_FEATURES - 1
Rows = list[dict[str, Any]]


def plant(seed: int) -> Rows:
    """Feature f fires where (context + position + seed) % (f + 2) == 0, the last never; activations are eighths."""
    return [
        {"context_id": c, "position": p, "feature_id": f, "activation": (1 + (c * LENGTH + p + f) % 16) / 8}
        for c in range(N_CONTEXTS)
        for p in range(LENGTH)
        for f in range(N_FEATURES)
        if f != DEAD and (c + p + seed) % (f + 2) == 0
    ]


def _of(planted: Rows, feature: int) -> list[float]:
    return [row["activation"] for row in planted if row["feature_id"] == feature]


def feature_rows(planted: Rows) -> Rows:
    n_tokens, rows = N_CONTEXTS * LENGTH, []
    for feature in range(N_FEATURES):
        acts = _of(planted, feature)
        mean = sum(acts) / len(acts) if acts else None
        rows.append(
            {
                "feature_id": feature,
                "n_firings": len(acts),
                "n_tokens": n_tokens,
                "density": len(acts) / n_tokens,
                "mean_activation": mean,
                "std_activation": (sum((act - mean) ** 2 for act in acts) / len(acts)) ** 0.5
                if mean is not None
                else None,
                "max_activation": max(acts, default=None),
                "is_dead": not acts,
                "decoder_norm": 1.0,
                "encoder_decoder_cosine": 0.5,
            }
        )
    return rows


def histogram_rows(planted: Rows) -> Rows:
    rows = []
    for feature in range(N_FEATURES):
        acts = _of(planted, feature)
        edges = [max(acts, default=0.0) * edge / BINS for edge in range(BINS + 1)]
        for bin_, (lower, upper) in enumerate(pairwise(edges)):
            rows.append(
                {
                    "feature_id": feature,
                    "bin": bin_,
                    "lower": lower,
                    "upper": upper,
                    "n": sum(lower < act <= upper for act in acts),
                }
            )
    return rows


def example_rows(planted: Rows, sae_id: str) -> Rows:
    rows = []
    for feature in range(N_FEATURES - 1):
        fired = sorted((row for row in planted if row["feature_id"] == feature), key=lambda row: -row["activation"])
        silent = next(
            c
            for c in range(N_CONTEXTS * LENGTH)
            if not any(r["context_id"] * LENGTH + r["position"] == c for r in fired)
        )
        rows += [_example(sae_id, feature, "top", None, rank, row) for rank, row in enumerate(fired[:3])]
        rows += [_example(sae_id, feature, "interval", rank % 2, rank // 2, row) for rank, row in enumerate(fired[-4:])]
        control = {"context_id": silent // LENGTH, "position": silent % LENGTH, "activation": 0.0}
        rows.append(_example(sae_id, feature, "control", None, 0, control))
    return rows


def _example(
    sae_id: str, feature: int, kind: str, interval: int | None, rank: int, place: dict[str, Any]
) -> dict[str, Any]:
    tokens = ["x = ", WORDS[feature % len(WORDS)], "(", "1", ")"]
    identity = json.dumps([sae_id, feature, kind, interval, rank])
    return {
        "feature_id": feature,
        "kind": kind,
        "interval_index": interval,
        "rank": rank,
        "example_id": hashlib.sha256(identity.encode()).hexdigest()[:16],
        "context_id": place["context_id"],
        "document_id": f"doc-{place['context_id']}",
        "position": place["position"],
        "activation": place["activation"],
        "tokens": tokens,
        "activations": [0.0, place["activation"], 0.0, 0.0, 0.0],
        "peak": 1,
    }
