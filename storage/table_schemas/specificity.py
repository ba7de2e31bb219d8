"""Columns of the Parquet files of the table `specificity`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("explanation_id", pa.string(), nullable=False),
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("interval_index", pa.int32()),
        pa.field("activation", pa.float64(), nullable=False),
        pa.field("is_choosing", pa.bool_()),
        pa.field("rating", pa.int32()),
        pa.field("reason", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("judge", pa.string(), nullable=False),
    ]
)
