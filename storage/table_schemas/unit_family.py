"""Columns of the Parquet files of the table `unit_family`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string()),
        pa.field("site", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32()),
        pa.field("channel", pa.int32()),
        pa.field("family_id", pa.int32()),
        pa.field("best_stimulus", pa.string(), nullable=False),
        pa.field("family_stimulus", pa.string()),
        pa.field("n_members", pa.int64()),
        pa.field("coverage", pa.float64()),
    ]
)
