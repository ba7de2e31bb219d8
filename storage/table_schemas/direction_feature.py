"""Columns of the Parquet files of the table `direction_feature`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("direction_id", pa.int32(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("cosine", pa.float64(), nullable=False),
        pa.field("random_cosine", pa.float64(), nullable=False),
    ]
)
