"""Columns of the Parquet files of the table `model`, whose folders name model_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("corpus_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("revision", pa.string()),
        pa.field("weights_sha256", pa.string(), nullable=False),
        pa.field("architecture", pa.string(), nullable=False),
        pa.field("n_layers", pa.int64()),
        pa.field("d_model", pa.int64()),
        pa.field("vocab_size", pa.int64()),
        pa.field("n_parameters", pa.int64()),
        pa.field("dtype", pa.string(), nullable=False),
        pa.field("registered_at", pa.timestamp("us"), nullable=False),
    ]
)
