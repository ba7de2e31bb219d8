"""Columns of the Parquet files of the table `refusal_effect`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("direction_id", pa.int32(), nullable=False),
        pa.field("intervention", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("n_prompts", pa.int32(), nullable=False),
        pa.field("refusal_rate", pa.float64(), nullable=False),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("refusal_score", pa.float64(), nullable=False),
        pa.field("surprise", pa.float64(), nullable=False),
        pa.field("prompt_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("completions", pa.list_(pa.string()), nullable=False),
    ]
)
