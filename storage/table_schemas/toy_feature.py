"""Columns of the Parquet files of the table `toy_feature`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("toy_id", pa.int32(), nullable=False),
        pa.field("feature", pa.int32(), nullable=False),
        pa.field("importance", pa.float64(), nullable=False),
        pa.field("norm", pa.float64(), nullable=False),
        pa.field("dimensionality", pa.float64(), nullable=False),
        pa.field("interference", pa.float64(), nullable=False),
    ]
)
