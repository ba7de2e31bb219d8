"""Columns of the Parquet files of the table `edit_metric`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("condition", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("n_facts", pa.int32(), nullable=False),
        pa.field("n_prompts", pa.int32(), nullable=False),
    ]
)
