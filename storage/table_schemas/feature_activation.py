"""Columns of the Parquet files of the table `feature_activation`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("context_id", pa.int64(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("activation", pa.float32(), nullable=False),
    ]
)
