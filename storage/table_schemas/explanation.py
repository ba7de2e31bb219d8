"""Columns of the Parquet files of the table `explanation`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("explanation_id", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("explainer", pa.string(), nullable=False),
        pa.field("author", pa.string()),
        pa.field("llm", pa.string()),
        pa.field("prompt", pa.string()),
        pa.field("prompt_sha256", pa.string()),
        pa.field("label", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("error", pa.string()),
        pa.field("n_examples", pa.int64()),
        pa.field("request_id", pa.string()),
        pa.field("input_tokens", pa.int64()),
        pa.field("output_tokens", pa.int64()),
        pa.field("cost_usd", pa.float64()),
        pa.field("created_at", pa.timestamp("us")),
    ]
)
