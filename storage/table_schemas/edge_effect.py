"""Columns of the Parquet files of the table `edge_effect`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("direction", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("source_layer", pa.int32()),
        pa.field("source_head", pa.int32()),
        pa.field("target", pa.string(), nullable=False),
        pa.field("target_layer", pa.int32()),
        pa.field("target_head", pa.int32()),
        pa.field("rank", pa.int32()),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("effect", pa.float64(), nullable=False),
        pa.field("clean_metric", pa.float64(), nullable=False),
        pa.field("corrupt_metric", pa.float64(), nullable=False),
    ]
)
