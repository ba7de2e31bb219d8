"""Columns of the Parquet files of the table `feature_interference`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("dimensionality", pa.float64(), nullable=False),
        pa.field("leak", pa.float64(), nullable=False),
        pa.field("silent_leak", pa.float64(), nullable=False),
        pa.field("n_firings", pa.int64(), nullable=False),
        pa.field("n_tokens", pa.int64(), nullable=False),
    ]
)
