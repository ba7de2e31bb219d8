"""The map of a dictionary: places and clusters of the features that fire, and how true it is.

Axes: F features of the dictionary, L of them on the map, D width.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from models.features.feature_map_config import FeatureMapSettings
from models.features.map_clusters import clusters
from models.features.map_layout import PCA, nearest, places, principal_places
from models.features.map_quality import COMPARED, kept_by_chance, neighbors_kept
from storage.table_schemas.feature_map import SCHEMA as FEATURE_MAP
from storage.table_schemas.feature_map_quality import SCHEMA as FEATURE_MAP_QUALITY


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """Rows of the tables `feature_map` and `feature_map_quality`, but for their partition's keys."""

    feature: pa.Table
    quality: pa.Table


def feature_map(W_dec_FD: Tensor, is_dead_F: np.ndarray, settings: FeatureMapSettings) -> FeatureMap:
    """The map of the live features that have a direction; the others have no place, for theirs means nothing."""
    with torch.no_grad():
        unit_FD = torch.nn.functional.normalize(W_dec_FD.float(), dim=1)
        shown_L = (~is_dead_F & unit_FD.any(dim=1).cpu().numpy()).nonzero()[0]
        unit_LD = unit_FD[torch.from_numpy(shown_L).to(unit_FD.device)]
    if len(shown_L) < 2:
        alone_LP = np.zeros((len(shown_L), 2))
        return FeatureMap(_rows(shown_L, alone_LP, np.full(len(shown_L), -1)), _quality(PCA, len(shown_L)))
    ids_LK, cosine_LK = nearest(unit_LD, max(settings.neighbors, COMPARED))
    principal_LP, k = principal_places(unit_LD, settings.seed), settings.neighbors
    place_LP, method = places(principal_LP, ids_LK[:, :k], cosine_LK[:, :k], settings.iterations, settings.seed)
    cluster_L, compared_LK = clusters(place_LP, settings.min_cluster_size), ids_LK[:, :COMPARED]
    quality = _quality(
        method,
        len(shown_L),
        n_neighbors=compared_LK.shape[1],
        neighbors_kept=neighbors_kept(place_LP, compared_LK),
        neighbors_kept_by_pca=neighbors_kept(principal_LP, compared_LK),
        neighbors_kept_by_chance=kept_by_chance(len(shown_L), compared_LK.shape[1]),
        n_clusters=int(cluster_L.max() + 1),
        n_clustered=int((cluster_L >= 0).sum()),
    )
    return FeatureMap(_rows(shown_L, place_LP, cluster_L), quality)


def _rows(feature_L: np.ndarray, place_LP: np.ndarray, cluster_L: np.ndarray) -> pa.Table:
    columns = {
        "feature_id": pa.array(feature_L, pa.int32()),
        "x": pa.array(place_LP[:, 0], pa.float32()),
        "y": pa.array(place_LP[:, 1], pa.float32()),
        "cluster_id": pa.array(cluster_L, pa.int32(), mask=cluster_L < 0),
    }
    return pa.Table.from_pydict(columns, schema=FEATURE_MAP)


def _quality(method: str, n_features: int, **numbers: float) -> pa.Table:
    row = {"method": method, "n_features": n_features, "n_neighbors": 0, "n_clusters": 0, "n_clustered": 0}
    return pa.Table.from_pylist([row | numbers], schema=FEATURE_MAP_QUALITY)
