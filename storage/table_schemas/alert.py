"""Columns of the Parquet files of the table `alert`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("check_name", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32()),
        pa.field("tag", pa.string()),
        pa.field("other_model_id", pa.string(), nullable=False),
        pa.field("other_weights_sha256", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("reference", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("is_raised", pa.bool_(), nullable=False),
        pa.field("n_contexts", pa.int64(), nullable=False),
    ]
)
