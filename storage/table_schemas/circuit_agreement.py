"""Columns of the Parquet files of the table `circuit_agreement`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("n_nodes", pa.int64(), nullable=False),
        pa.field("pearson", pa.float64()),
        pa.field("spearman", pa.float64()),
        pa.field("mean_absolute_error", pa.float64(), nullable=False),
        pa.field("mean_absolute_effect", pa.float64(), nullable=False),
    ]
)
