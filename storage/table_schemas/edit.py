"""Columns of the Parquet files of the table `edit`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("fact", pa.string(), nullable=False),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("new_answer", pa.string(), nullable=False),
        pa.field("layer", pa.int32(), nullable=False),
        pa.field("module", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("traced_effect", pa.float64()),
        pa.field("n_contexts", pa.int32(), nullable=False),
        pa.field("key_norm", pa.float64(), nullable=False),
        pa.field("value_norm", pa.float64(), nullable=False),
        pa.field("change_norm", pa.float64(), nullable=False),
        pa.field("update_norm", pa.float64(), nullable=False),
        pa.field("steps", pa.int32(), nullable=False),
        pa.field("negative_log_likelihood", pa.float64(), nullable=False),
        pa.field("kl", pa.float64(), nullable=False),
        pa.field("u", pa.list_(pa.float32()), nullable=False),
        pa.field("dv", pa.list_(pa.float32()), nullable=False),
        pa.field("is_restored", pa.bool_(), nullable=False),
    ]
)
