"""Rows of the `example` table with made-up text, for tests that label and rate."""

import hashlib

import pyarrow as pa

from storage.table_schemas.example import SCHEMA as EXAMPLE


def example(
    feature: int, kind: str, rank: int, tokens: list[str], activation: float = 1.0, interval: int | None = None
) -> dict:
    context = 1000 * feature + 100 * ("top", "interval", "control").index(kind) + rank + 10 * (interval or 0)
    peak = len(tokens) // 2
    name = hashlib.sha256(f"{feature} {kind} {interval} {rank}".encode()).hexdigest()[:16]
    return {
        "feature_id": feature,
        "kind": kind,
        "interval_index": interval,
        "rank": rank,
        "example_id": name,
        "context_id": context,
        "document_id": "a.py",
        "position": 7,
        "activation": activation,
        "tokens": tokens,
        "activations": [activation if i == peak else 0.0 for i in range(len(tokens))],
        "peak": peak,
    }


def examples_of(n_features: int, text: list[str] | None = None) -> pa.Table:
    """Per feature 8 top examples, 4 in each of 2 intervals, 6 controls."""
    tokens = text or ["def", " f", "(", "x", ")", ":"]
    rows = []
    for feature in range(n_features):
        rows += [example(feature, "top", rank, tokens, 10.0 - rank + feature) for rank in range(8)]
        rows += [example(feature, "interval", rank, tokens, 5.0 * i + 1, i) for i in range(2) for rank in range(4)]
        rows += [example(feature, "control", rank, ["no", "thing"], 0.0) for rank in range(6)]
    return pa.Table.from_pylist(rows, schema=EXAMPLE)
