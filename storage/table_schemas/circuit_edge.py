"""Columns of the Parquet files of the table `circuit_edge`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("from_recipe_id", pa.string(), nullable=False),
        pa.field("from_kind", pa.string(), nullable=False),
        pa.field("from_feature_id", pa.int32()),
        pa.field("to_recipe_id", pa.string(), nullable=False),
        pa.field("to_kind", pa.string(), nullable=False),
        pa.field("to_feature_id", pa.int32()),
        pa.field("effect", pa.float64(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
    ]
)
