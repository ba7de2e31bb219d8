"""Columns of the Parquet files of the table `attention_pattern`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("layer", pa.int32(), nullable=False),
        pa.field("head", pa.int32(), nullable=False),
        pa.field("query_position", pa.int32(), nullable=False),
        pa.field("key_position", pa.int32(), nullable=False),
        pa.field("weight", pa.float64(), nullable=False),
    ]
)
