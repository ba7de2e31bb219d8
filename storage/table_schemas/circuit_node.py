"""Columns of the Parquet files of the table `circuit_node`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32()),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("effect", pa.float64(), nullable=False),
        pa.field("effect_ci_low", pa.float64()),
        pa.field("effect_ci_high", pa.float64()),
        pa.field("exact_effect", pa.float64()),
        pa.field("n_prompts", pa.int64(), nullable=False),
    ]
)
