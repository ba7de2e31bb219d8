"""Columns of the Parquet files of the table `direction_effect`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("direction_id", pa.int32(), nullable=False),
        pa.field("intervention", pa.string(), nullable=False),
        pa.field("alpha", pa.float64(), nullable=False),
        pa.field("asked_of", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("n", pa.int64(), nullable=False),
        pa.field("n_groups", pa.int64(), nullable=False),
        pa.field("mass", pa.float64(), nullable=False),
        pa.field("unsteered", pa.float64(), nullable=False),
        pa.field("shuffled", pa.float64(), nullable=False),
        pa.field("random", pa.float64(), nullable=False),
    ]
)
