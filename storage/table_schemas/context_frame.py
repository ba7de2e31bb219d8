"""Columns of the Parquet files of the table `context_frame`, whose folders name model_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("candidate", pa.string(), nullable=False),
        pa.field("prefix", pa.list_(pa.int32()), nullable=False),
        pa.field("suffix", pa.list_(pa.int32()), nullable=False),
        pa.field("n_sinks", pa.int32()),
        pa.field("variance_share", pa.float64()),
        pa.field("position", pa.int32()),
        pa.field("layer", pa.int32()),
        pa.field("outlier_share", pa.float64()),
        pa.field("n_tokens", pa.int64()),
        pa.field("is_chosen", pa.bool_(), nullable=False),
        pa.field("skip_first", pa.int32(), nullable=False),
    ]
)
