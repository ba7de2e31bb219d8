"""Clusters numbered so that equal clusterings have equal numbers. N members."""

import numpy as np


def numbered_by_size(cluster_N: np.ndarray) -> np.ndarray:
    """Clusters numbered anew: by size, ties by their first member; −1 stays −1."""
    names, first, size = np.unique(cluster_N[cluster_N >= 0], return_index=True, return_counts=True)
    renamed = np.full(int(cluster_N.max()) + 2, -1)  # the last stands for −1
    renamed[names[np.lexsort((first, -size))]] = np.arange(len(names))
    return renamed[cluster_N]
