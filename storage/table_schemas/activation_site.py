"""Columns of the Parquet files of the table `activation_site`, whose folders name model_id and site."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("n_tokens", pa.int64(), nullable=False),
        pa.field("n_special", pa.int64(), nullable=False),
        pa.field("n_skipped", pa.int64(), nullable=False),
        pa.field("n_outliers", pa.int64(), nullable=False),
        pa.field("median_norm", pa.float64(), nullable=False),
        pa.field("norm_limit", pa.float64()),
        pa.field("variance", pa.float64(), nullable=False),
        pa.field("largest_rows_share", pa.float64(), nullable=False),
        pa.field("rounding_share", pa.float64(), nullable=False),
        pa.field("norm_quantiles", pa.list_(pa.float64()), nullable=False),
    ]
)
