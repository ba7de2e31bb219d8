"""Columns of the Parquet files of the table `feature_swap_effect`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("feature_off", pa.int32(), nullable=False),
        pa.field("feature_on", pa.int32(), nullable=False),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("strength", pa.float64(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("unswapped_value", pa.float64(), nullable=False),
        pa.field("effect", pa.float64(), nullable=False),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("n_pairs", pa.int32(), nullable=False),
        pa.field("firing_share", pa.float64(), nullable=False),
        pa.field("n_prompts", pa.int32(), nullable=False),
    ]
)
