"""Columns of the Parquet files of the table `edit_effect`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("fact", pa.string(), nullable=False),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("true_probability", pa.float64(), nullable=False),
        pa.field("new_probability", pa.float64(), nullable=False),
        pa.field("magnitude", pa.float64(), nullable=False),
        pa.field("is_success", pa.bool_(), nullable=False),
        pa.field("likeliest_token", pa.string(), nullable=False),
    ]
)
