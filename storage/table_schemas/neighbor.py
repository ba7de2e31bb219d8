"""Columns of the Parquet files of the table `neighbor`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("other_model_id", pa.string(), nullable=False),
        pa.field("other_recipe_id", pa.string(), nullable=False),
        pa.field("other_feature_id", pa.int32(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
