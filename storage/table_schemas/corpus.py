"""Columns of the Parquet files of the table `corpus`, whose folders name corpus_id and frame_sha256."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("n_documents", pa.int64()),
        pa.field("n_contexts", pa.int64()),
        pa.field("n_tokens", pa.int64(), nullable=False),
        pa.field("n_special", pa.int64()),
        pa.field("n_skipped", pa.int64()),
        pa.field("context_length", pa.int64()),
        pa.field("sha256", pa.string(), nullable=False),
    ]
)
