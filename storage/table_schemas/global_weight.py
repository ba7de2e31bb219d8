"""Columns of the Parquet files of the table `global_weight`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("source_recipe_id", pa.string(), nullable=False),
        pa.field("source_feature_id", pa.int32(), nullable=False),
        pa.field("target_recipe_id", pa.string(), nullable=False),
        pa.field("target_feature_id", pa.int32(), nullable=False),
        pa.field("virtual_weight", pa.float64(), nullable=False),
        pa.field("expected_weight", pa.float64(), nullable=False),
        pa.field("share", pa.float64(), nullable=False),
        pa.field("n_together", pa.int64(), nullable=False),
        pa.field("source_place", pa.int32()),
        pa.field("target_place", pa.int32()),
    ]
)
