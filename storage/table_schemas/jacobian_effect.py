"""Columns of the Parquet files of the table `jacobian_effect`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("direction", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("token_id", pa.int64(), nullable=False),
        pa.field("token", pa.string(), nullable=False),
        pa.field("logit_weight", pa.float64(), nullable=False),
    ]
)
