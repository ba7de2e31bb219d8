"""Columns of the Parquet files of the table `feature_counterpart`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("other_model_id", pa.string(), nullable=False),
        pa.field("other_recipe_id", pa.string(), nullable=False),
        pa.field("other_feature_id", pa.int32(), nullable=False),
        pa.field("correlation", pa.float64(), nullable=False),
        pa.field("shuffled_correlation", pa.float64(), nullable=False),
        pa.field("is_mutual", pa.bool_(), nullable=False),
        pa.field("n_firings", pa.int64(), nullable=False),
        pa.field("n_places", pa.int64(), nullable=False),
    ]
)
