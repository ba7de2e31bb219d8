"""Columns of the Parquet files of the table `sae_training`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("step", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("loss", pa.float64(), nullable=False),
        pa.field("fvu", pa.float64(), nullable=False),
        pa.field("l0", pa.float64(), nullable=False),
        pa.field("aux_loss", pa.float64()),
        pa.field("dead_fraction", pa.float64(), nullable=False),
        pa.field("learning_rate", pa.float64(), nullable=False),
        pa.field("tokens_per_second", pa.float64()),
    ]
)
