"""Columns of the Parquet files of the table `scaling_run`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("n_features", pa.int32(), nullable=False),
        pa.field("k", pa.int32(), nullable=False),
        pa.field("seed", pa.int32(), nullable=False),
        pa.field("rate_factor", pa.float64(), nullable=False),
        pa.field("learning_rate", pa.float64(), nullable=False),
        pa.field("n_tokens", pa.int64(), nullable=False),
        pa.field("n_steps", pa.int64(), nullable=False),
        pa.field("fvu", pa.float64(), nullable=False),
        pa.field("training_fvu", pa.float64(), nullable=False),
        pa.field("n_alive", pa.int32(), nullable=False),
        pa.field("fall", pa.float64(), nullable=False),
        pa.field("flops", pa.float64(), nullable=False),
        pa.field("is_converged", pa.bool_(), nullable=False),
    ]
)
