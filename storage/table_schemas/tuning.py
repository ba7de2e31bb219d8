"""Columns of the Parquet files of the table `tuning`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string()),
        pa.field("site", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32()),
        pa.field("channel", pa.int32()),
        pa.field("stimulus", pa.string(), nullable=False),
        pa.field("angle", pa.float64(), nullable=False),
        pa.field("size", pa.float64()),
        pa.field("response", pa.float64(), nullable=False),
        pa.field("n_replicates", pa.int64(), nullable=False),
    ]
)
