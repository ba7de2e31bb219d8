"""A map of the features of a synthetic store: places on a line, in clusters of five."""

from typing import Any

Rows = list[dict[str, Any]]
MEMBERS = 5


def map_rows(features: Rows) -> Rows:
    """Live features on a line, in clusters of five; those that are left over stand in none."""
    live = [row["feature_id"] for row in features if not row["is_dead"]]
    clustered = len(live) // MEMBERS * MEMBERS
    return [
        {
            "feature_id": feature,
            "x": at / len(live),
            "y": -at / len(live) / 2,
            "cluster_id": at // MEMBERS if at < clustered else None,
        }
        for at, feature in enumerate(live)
    ]


def map_quality(features: Rows) -> dict[str, Any]:
    """Of the ten nearest, three quarters are kept."""
    n = sum(not row["is_dead"] for row in features)
    kept = {"neighbors_kept": 0.75, "neighbors_kept_by_pca": 0.5, "neighbors_kept_by_chance": 0.25}
    counts = {"n_features": n, "n_neighbors": 10, "n_clusters": n // MEMBERS, "n_clustered": n // MEMBERS * MEMBERS}
    return {"method": "tsne"} | kept | counts
