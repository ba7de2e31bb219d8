"""Columns of the Parquet files of the table `feature_parent`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("parent_id", pa.int32(), nullable=False),
        pa.field("share", pa.float64(), nullable=False),
        pa.field("lift", pa.float64(), nullable=False),
        pa.field("cosine", pa.float64(), nullable=False),
    ]
)
