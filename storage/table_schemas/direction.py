"""Columns of the Parquet files of the table `direction`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("direction_id", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("site", pa.string(), nullable=False),
        pa.field("layer", pa.int32(), nullable=False),
        pa.field("position_rule", pa.string(), nullable=False),
        pa.field("n_positive", pa.int64(), nullable=False),
        pa.field("n_negative", pa.int64(), nullable=False),
        pa.field("norm", pa.float64(), nullable=False),
        pa.field("shuffled_norm", pa.float64(), nullable=False),
        pa.field("stream_norm", pa.float64(), nullable=False),
        pa.field("vector", pa.list_(pa.float32()), nullable=False),
    ]
)
