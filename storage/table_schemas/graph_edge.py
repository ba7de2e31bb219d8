"""Columns of the Parquet files of the table `graph_edge`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("source_node_id", pa.int32(), nullable=False),
        pa.field("target_node_id", pa.int32(), nullable=False),
        pa.field("weight", pa.float64(), nullable=False),
        pa.field("share", pa.float64(), nullable=False),
        pa.field("kept", pa.bool_(), nullable=False),
    ]
)
