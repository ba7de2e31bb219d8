"""Columns of the Parquet files of the table `probe_class`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("probe_id", pa.int32(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("n_train", pa.int64(), nullable=False),
        pa.field("n_test", pa.int64(), nullable=False),
        pa.field("bias", pa.float64(), nullable=False),
        pa.field("weights", pa.list_(pa.float32()), nullable=False),
    ]
)
