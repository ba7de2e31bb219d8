"""Columns of the Parquet files of the table `graph_check`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("node_id", pa.int32(), nullable=False),
        pa.field("factor", pa.float64(), nullable=False),
        pa.field("frozen", pa.bool_(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("n_targets", pa.int64(), nullable=False),
        pa.field("spearman", pa.float64()),
        pa.field("cosine", pa.float64()),
        pa.field("predicted_size", pa.float64(), nullable=False),
        pa.field("actual_size", pa.float64(), nullable=False),
    ]
)
