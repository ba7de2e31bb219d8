"""Columns of the Parquet files of the table `crosscoder`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("other_model_id", pa.string(), nullable=False),
        pa.field("site", pa.string(), nullable=False),
        pa.field("other_site", pa.string(), nullable=False),
        pa.field("activation", pa.string(), nullable=False),
        pa.field("n_features", pa.int32(), nullable=False),
        pa.field("n_alive", pa.int32(), nullable=False),
        pa.field("l0", pa.float64(), nullable=False),
        pa.field("fvu", pa.float64(), nullable=False),
        pa.field("other_fvu", pa.float64(), nullable=False),
        pa.field("scale", pa.float64(), nullable=False),
        pa.field("other_scale", pa.float64(), nullable=False),
        pa.field("median_delta", pa.float64()),
        pa.field("n_tokens", pa.int64(), nullable=False),
        pa.field("n_training_tokens", pa.int64(), nullable=False),
    ]
)
