"""Columns of the Parquet files of the table `crosscoder_example`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("latent_id", pa.int32(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("token", pa.string(), nullable=False),
        pa.field("activation", pa.float64(), nullable=False),
        pa.field("other_share", pa.float64(), nullable=False),
    ]
)
