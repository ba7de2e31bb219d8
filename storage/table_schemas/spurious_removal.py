"""Columns of the Parquet files of the table `spurious_removal`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("n_latents", pa.int32(), nullable=False),
        pa.field("feature_ids", pa.list_(pa.int64())),
        pa.field("biased_accuracy", pa.float64(), nullable=False),
        pa.field("clean_accuracy", pa.float64(), nullable=False),
        pa.field("accuracy", pa.float64(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("is_reported", pa.bool_(), nullable=False),
        pa.field("labels", pa.list_(pa.string()), nullable=False),
        pa.field("spurious_labels", pa.list_(pa.string()), nullable=False),
        pa.field("n_test", pa.int64(), nullable=False),
    ]
)
