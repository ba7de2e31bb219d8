"""Columns of the Parquet files of the table `head_score`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("layer", pa.int32(), nullable=False),
        pa.field("head", pa.int32(), nullable=False),
        pa.field("score", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("standard_error", pa.float64()),
        pa.field("baseline", pa.float64()),
        pa.field("is_above", pa.bool_(), nullable=False),
        pa.field("n_averaged", pa.int64(), nullable=False),
        pa.field("lack", pa.string()),
    ]
)
