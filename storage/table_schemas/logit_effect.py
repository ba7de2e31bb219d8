"""Columns of the Parquet files of the table `logit_effect`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("direction", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("token_id", pa.int64()),
        pa.field("token", pa.string(), nullable=False),
        pa.field("logit_weight", pa.float64(), nullable=False),
    ]
)
