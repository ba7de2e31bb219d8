"""How true a map is: the share of nearest directions that are nearest on the map too.

Axes: F features, K neighbors, P the plane.
"""

import numpy as np

COMPARED = 10
"""Nearest features that are compared."""


def neighbors_kept(place_FP: np.ndarray, ids_FK: np.ndarray) -> float:
    """The mean share of a feature's nearest directions that are among as many nearest places."""
    from scipy.spatial import KDTree

    n, k = ids_FK.shape
    near_FK = np.asarray(KDTree(place_FP).query(place_FP, k=k + 1)[1])
    kept = 0
    for at, (near_K, ids_K) in enumerate(zip(near_FK.tolist(), ids_FK.tolist(), strict=True)):
        kept += len({other for other in near_K if other != at} & set(ids_K))
    return kept / (n * k)


def kept_by_chance(n: int, k: int) -> float:
    """The same share where places are drawn by chance."""
    return k / (n - 1)
