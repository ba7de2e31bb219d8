"""Which places of a map stand together: HDBSCAN (scikit-learn; Campello, Moulavi and Sander 2013).

Axes: F features, P the plane.
"""

from typing import Any

import numpy as np

from models.numerics.cluster_numbers import numbered_by_size

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
    return numbered_by_size(found.fit_predict(place_FP))
