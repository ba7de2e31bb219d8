"""Judgements of the synthetic store's labels, whose rightness follows from the interval."""

from collections.abc import Callable
from typing import Any

Rows = list[dict[str, Any]]


def judgements(examples: Rows, explanation_id: Callable[[int], str]) -> Rows:
    """Of the lexical labels in the detection test: right of windows of the strong interval and of controls."""
    rows = []
    for row in examples:
        if row["kind"] == "top" or row["feature_id"] == 1:
            continue
        truth, strong = row["kind"] == "interval", row["interval_index"] == 1
        rows.append(
            {
                "explanation_id": explanation_id(row["feature_id"]),
                "scorer": "detection",
                "example_id": row["example_id"],
                "feature_id": row["feature_id"],
                "kind": row["kind"],
                "interval_index": row["interval_index"],
                "document_group": row["document_id"],
                "is_choosing": row["rank"] % 2 == 0,
                "marked": [],
                "truth": truth,
                "answer": float(strong),
                "is_right": truth == strong,
                "status": "ok",
            }
        )
    return rows
