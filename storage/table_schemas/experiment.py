"""Columns of the Parquet files of the table `experiment`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("prompt_set_id", pa.string()),
        pa.field("recipe_ids", pa.list_(pa.string()), nullable=False),
        pa.field("settings", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("prefix", pa.list_(pa.string()), nullable=False),
        pa.field("dtype", pa.string(), nullable=False),
        pa.field("identity_sha256", pa.string(), nullable=False),
        pa.field("weights_sha256", pa.string(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("n_forward", pa.int64(), nullable=False),
        pa.field("n_backward", pa.int64(), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
        pa.field("created_at", pa.timestamp("us"), nullable=False),
    ]
)
