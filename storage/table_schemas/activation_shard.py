"""Columns of the Parquet files of the table `activation_shard`, whose folders name model_id and site."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("shard", pa.int32(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("n_tokens", pa.int64(), nullable=False),
        pa.field("width", pa.int64(), nullable=False),
        pa.field("dtype", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
    ]
)
