"""Columns of the Parquet files of the table `unit_frequency`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string()),
        pa.field("site", pa.string(), nullable=False),
        pa.field("unit", pa.int32(), nullable=False),
        pa.field("frequency", pa.int32(), nullable=False),
        pa.field("share", pa.float64(), nullable=False),
        pa.field("shuffled_share", pa.float64(), nullable=False),
        pa.field("share_of_sum", pa.float64(), nullable=False),
        pa.field("n_pairs", pa.int64(), nullable=False),
    ]
)
