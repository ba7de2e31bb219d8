"""Columns of the Parquet files of the table `prompt`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("tokens", pa.list_(pa.string()), nullable=False),
        pa.field("corrupt_text", pa.string()),
        pa.field("corrupt_tokens", pa.list_(pa.string())),
        pa.field("answer", pa.string()),
        pa.field("answer_token_id", pa.int64()),
        pa.field("foil", pa.string()),
        pa.field("foil_token_id", pa.int64()),
        pa.field("subject", pa.string()),
        pa.field("group", pa.string()),
        pa.field("label", pa.string()),
        pa.field("language", pa.string()),
    ]
)
