"""Columns of the Parquet files of the table `patching_effect`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("direction", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("site", pa.string(), nullable=False),
        pa.field("layer", pa.int32(), nullable=False),
        pa.field("window", pa.int32(), nullable=False),
        pa.field("head", pa.int32()),
        pa.field("position", pa.int32()),
        pa.field("recipe_id", pa.string()),
        pa.field("feature_id", pa.int32()),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("corruption", pa.string(), nullable=False),
        pa.field("effect", pa.float64(), nullable=False),
        pa.field("normalized_effect", pa.float64()),
        pa.field("clean_metric", pa.float64(), nullable=False),
        pa.field("corrupt_metric", pa.float64(), nullable=False),
    ]
)
