"""Columns of the Parquet files of the table `steering_rating`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("strength", pa.float64(), nullable=False),
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("aspect", pa.string(), nullable=False),
        pa.field("rating", pa.int32()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("error", pa.string()),
        pa.field("llm", pa.string(), nullable=False),
        pa.field("request_key", pa.string(), nullable=False),
        pa.field("n_requests", pa.int32(), nullable=False),
        pa.field("input_tokens", pa.int64(), nullable=False),
        pa.field("output_tokens", pa.int64(), nullable=False),
        pa.field("cost_usd", pa.float64(), nullable=False),
    ]
)
