"""Columns of the Parquet files of the table `number_frequency`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("frequency", pa.int32(), nullable=False),
        pa.field("embedding_share", pa.float64()),
        pa.field("n_units", pa.int32(), nullable=False),
        pa.field("mean_share", pa.float64()),
    ]
)
