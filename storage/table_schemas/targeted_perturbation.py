"""Columns of the Parquet files of the table `targeted_perturbation`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("n_latents", pa.int32(), nullable=False),
        pa.field("feature_ids", pa.list_(pa.int64())),
        pa.field("unablated_accuracy", pa.float64(), nullable=False),
        pa.field("intended", pa.float64(), nullable=False),
        pa.field("unintended", pa.float64(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("n_test", pa.int64(), nullable=False),
    ]
)
