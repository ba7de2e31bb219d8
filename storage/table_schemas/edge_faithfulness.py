"""Columns of the Parquet files of the table `edge_faithfulness`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("direction", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("n_edges", pa.int64(), nullable=False),
        pa.field("n_all", pa.int64(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("clean_metric", pa.float64(), nullable=False),
        pa.field("corrupt_metric", pa.float64(), nullable=False),
    ]
)
