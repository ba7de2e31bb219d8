"""Columns of the Parquet files of the table `activation_profile`, whose folders name model_id and site."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("position_first", pa.int64(), nullable=False),
        pa.field("position_last", pa.int64(), nullable=False),
        pa.field("n_tokens", pa.int64(), nullable=False),
        pa.field("n_outliers", pa.int64(), nullable=False),
        pa.field("mean_norm", pa.float64()),
        pa.field("variance_share", pa.float64(), nullable=False),
    ]
)
