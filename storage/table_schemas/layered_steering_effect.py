"""Columns of the Parquet files of the table `layered_steering_effect`, whose folders name model_id and
experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("condition", pa.string(), nullable=False),
        pa.field("asked_of", pa.string(), nullable=False),
        pa.field("log_p_matching", pa.float64(), nullable=False),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("above_best_block", pa.float64(), nullable=False),
        pa.field("above_low", pa.float64()),
        pa.field("above_high", pa.float64()),
        pa.field("p_matching", pa.float64(), nullable=False),
        pa.field("mass", pa.float64(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),
        pa.field("n_groups", pa.int64(), nullable=False),
        pa.field("n_evaluations", pa.int64(), nullable=False),
    ]
)
