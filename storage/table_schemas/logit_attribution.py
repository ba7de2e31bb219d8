"""Columns of the Parquet files of the table `logit_attribution`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("component", pa.string(), nullable=False),
        pa.field("layer", pa.int32()),
        pa.field("head", pa.int32()),
        pa.field("recipe_id", pa.string()),
        pa.field("feature_id", pa.int32()),
        pa.field("contribution", pa.float64(), nullable=False),
        pa.field("compared_with", pa.string(), nullable=False),
        pa.field("logit", pa.float64(), nullable=False),
    ]
)
