"""Columns of the Parquet files of the table `feature_map_quality`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("n_features", pa.int32(), nullable=False),
        pa.field("n_neighbors", pa.int32(), nullable=False),
        pa.field("neighbors_kept", pa.float64()),
        pa.field("neighbors_kept_by_pca", pa.float64()),
        pa.field("neighbors_kept_by_chance", pa.float64()),
        pa.field("n_clusters", pa.int32(), nullable=False),
        pa.field("n_clustered", pa.int32(), nullable=False),
    ]
)
