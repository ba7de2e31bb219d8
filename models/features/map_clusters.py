"""Which places of a map stand together: HDBSCAN (scikit-learn; Campello, Moulavi and Sander 2013).

Axes: F features, P the plane.
"""

from typing import Any

import numpy as np

NEIGHBORS = 5
"""A place is as dense as the distance to its fifth nearest says."""


def clusters(place_FP: np.ndarray, min_size: int) -> np.ndarray:
    """The cluster of each place (F), the largest cluster first, −1 where it stands in none."""
    from sklearn.cluster import HDBSCAN

    if len(place_FP) < max(min_size, NEIGHBORS):
        return np.full(len(place_FP), -1)
    most = max(min_size, len(place_FP) // 2)  # else all places but a few are one cluster now and then
    settings: dict[str, Any] = {"min_samples": NEIGHBORS, "max_cluster_size": most, "copy": True}
    found = HDBSCAN(min_size, **settings)
    return _by_size(found.fit_predict(place_FP))


def _by_size(cluster_F: np.ndarray) -> np.ndarray:
    """Clusters numbered anew: by size, ties by their first member."""
    names, first, size = np.unique(cluster_F[cluster_F >= 0], return_index=True, return_counts=True)
    renamed = np.full(int(cluster_F.max()) + 2, -1)  # the last stands for −1
    renamed[names[np.lexsort((first, -size))]] = np.arange(len(names))
    return renamed[cluster_F]
