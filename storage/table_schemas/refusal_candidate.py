"""Columns of the Parquet files of the table `refusal_candidate`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("layer", pa.int32(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("norm", pa.float64(), nullable=False),
        pa.field("refusal_score", pa.float64(), nullable=False),
        pa.field("steering_score", pa.float64(), nullable=False),
        pa.field("kl", pa.float64(), nullable=False),
        pa.field("is_possible", pa.bool_(), nullable=False),
        pa.field("is_chosen", pa.bool_(), nullable=False),
    ]
)
