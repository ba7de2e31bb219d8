"""Columns of the Parquet files of the table `probe_metric`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("probe_id", pa.int32(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("n", pa.int64(), nullable=False),
        pa.field("majority", pa.float64(), nullable=False),
        pa.field("control", pa.float64(), nullable=False),
        pa.field("selectivity", pa.float64(), nullable=False),
        pa.field("random_init", pa.float64()),
    ]
)
