"""Columns of the Parquet files of the table `probe_edit`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("probe_id", pa.int32(), nullable=False),
        pa.field("from_label", pa.string(), nullable=False),
        pa.field("to_label", pa.string(), nullable=False),
        pa.field("token", pa.string(), nullable=False),
        pa.field("token_id", pa.int64(), nullable=False),
        pa.field("along", pa.string(), nullable=False),
        pa.field("strength", pa.float64(), nullable=False),
        pa.field("norm", pa.float64(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),
        pa.field("probability_before", pa.float64(), nullable=False),
        pa.field("probability_after", pa.float64(), nullable=False),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("probability_random", pa.float64(), nullable=False),
        pa.field("probability_target", pa.float64(), nullable=False),
    ]
)
