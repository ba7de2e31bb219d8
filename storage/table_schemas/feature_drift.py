"""Columns of the Parquet files of the table `feature_drift`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("other_model_id", pa.string(), nullable=False),
        pa.field("rate", pa.float64(), nullable=False),
        pa.field("other_rate", pa.float64(), nullable=False),
        pa.field("log2_ratio", pa.float64(), nullable=False),
        pa.field("difference", pa.float64(), nullable=False),
        pa.field("standard_error", pa.float64(), nullable=False),
        pa.field("q", pa.float64()),
        pa.field("is_drifted", pa.bool_(), nullable=False),
        pa.field("n_contexts", pa.int64(), nullable=False),
    ]
)
