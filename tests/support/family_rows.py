"""Families and a tree of three features, for warehouses in which nothing was ever grouped."""

from typing import Any

Rows = list[dict[str, Any]]


def family_rows() -> Rows:
    """Features 0, 1 and 2 point alike."""
    return [{"feature_id": f, "family_id": 0, "rank": f, "score": 0.9 - f / 10} for f in range(3)]


def parent_rows() -> Rows:
    """Feature 1 stands under 0, and 2 is absorbed from 1."""
    cofire = {"feature_id": 1, "kind": "cofire", "parent_id": 0, "share": 0.95, "lift": 4.0, "cosine": 0.5}
    absorbed = {"feature_id": 2, "kind": "absorbed", "parent_id": 1, "share": 0.0, "lift": 0.0, "cosine": 0.6}
    return [cofire, absorbed]
