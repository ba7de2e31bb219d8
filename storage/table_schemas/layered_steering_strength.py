"""Columns of the Parquet files of the table `layered_steering_strength`, whose folders name model_id and
experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("condition", pa.string(), nullable=False),
        pa.field("layer", pa.int32(), nullable=False),
        pa.field("strength", pa.float64(), nullable=False),
        pa.field("added_norm", pa.float64(), nullable=False),
        pa.field("stream_norm", pa.float64(), nullable=False),
        pa.field("is_at_bound", pa.bool_(), nullable=False),
        pa.field("selecting_log_p_matching", pa.float64(), nullable=False),
    ]
)
