"""Columns of the Parquet files of the table `logit_shape`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("logit_skew", pa.float64()),
        pa.field("logit_kurtosis", pa.float64()),
    ]
)
