"""Columns of the Parquet files of the table `llm_request`, whose folders name model_id, recipe_id and purpose."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("request_key", pa.string(), nullable=False),
        pa.field("llm", pa.string(), nullable=False),
        pa.field("batch_id", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("attempts", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64()),
        pa.field("input_tokens", pa.int64()),
        pa.field("output_tokens", pa.int64()),
        pa.field("cache_read_tokens", pa.int64()),
        pa.field("cache_write_tokens", pa.int64()),
        pa.field("cost_usd", pa.float64()),
        pa.field("sent_at", pa.timestamp("us")),
        pa.field("answered_at", pa.timestamp("us")),
    ]
)
