"""A place in the plane for each direction, so that what points alike stands together: t-SNE from the two principal
components (openTSNE; van der Maaten and Hinton 2008, Kobak and Berens 2019).

Axes: F features, D width, K neighbors, P the plane.
"""

import numpy as np
import torch
from torch import Tensor

from models.features.nearest_features import nearest_by_cosine

TSNE, PCA = "tsne", "pca"
FEWEST = 5
"""Fewer directions than these have too few neighbors for t-SNE: they stand at their principal components."""


def nearest(unit_FD: Tensor, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids of the k nearest directions of each, and their cosines (F, K); all others where there are fewer."""
    k = min(k, len(unit_FD) - 1)
    blocks = [(ids.cpu().numpy(), cosines.cpu().numpy()) for _, cosines, ids in nearest_by_cosine(unit_FD, k)]
    ids_FK, cosine_FK = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return ids_FK, cosine_FK


def principal_places(unit_FD: Tensor, seed: int) -> np.ndarray:
    """The first two principal components of the directions (F, P), signs as scikit-learn fixes them."""
    from sklearn.decomposition import PCA as PrincipalComponents

    n = min(2, *unit_FD.shape)
    place_FP = np.zeros((len(unit_FD), 2))
    if len(unit_FD) > 1 and not (unit_FD == unit_FD[0]).all():  # directions that are all one have no components
        place_FP[:, :n] = PrincipalComponents(n, random_state=seed).fit_transform(unit_FD.cpu().numpy())
    return place_FP


def places(
    principal_FP: np.ndarray, ids_FK: np.ndarray, cosine_FK: np.ndarray, iterations: int, seed: int
) -> tuple[np.ndarray, str]:
    """A place for each direction (F, P), within a square from −1 to 1, and the method that found it."""
    if len(principal_FP) < FEWEST:
        return _in_square(principal_FP), PCA
    return _in_square(_tsne(principal_FP, ids_FK, cosine_FK, iterations, seed)), TSNE


def _tsne(
    principal_FP: np.ndarray, ids_FK: np.ndarray, cosine_FK: np.ndarray, iterations: int, seed: int
) -> np.ndarray:
    from openTSNE import TSNEEmbedding, affinity, initialization
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    near = PrecomputedNeighbors(ids_FK.astype(np.int64), np.clip(1 - cosine_FK, 0, None).astype(np.float64))
    affinities = affinity.PerplexityBasedNN(
        knn_index=near, perplexity=max(1.0, ids_FK.shape[1] / 3), n_jobs=torch.get_num_threads()
    )
    spread = max(principal_FP.std(), 1e-12)
    start_FP = principal_FP / spread * 1e-4
    start_FP = initialization.jitter(start_FP, scale=1e-6, random_state=seed)
    embedding = TSNEEmbedding(start_FP, affinities, n_jobs=torch.get_num_threads(), random_state=seed)
    embedding.optimize(max(1, iterations // 2), exaggeration=12, momentum=0.8, inplace=True)
    embedding.optimize(iterations, momentum=0.8, inplace=True)
    return np.asarray(embedding)


def _in_square(place_FP: np.ndarray) -> np.ndarray:
    """Centred, and scaled alike in both directions so that the farthest place lies on the square's edge."""
    centred_FP = place_FP - (place_FP.max(axis=0) + place_FP.min(axis=0)) / 2
    return centred_FP / (np.abs(centred_FP).max() or 1.0)
