"""Columns of the Parquet files of the table `unlearning`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("forgotten", pa.string(), nullable=False),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("half", pa.string(), nullable=False),
        pa.field("max_retain_rate", pa.float64()),
        pa.field("n_features", pa.int64()),
        pa.field("multiple", pa.float64()),
        pa.field("feature_ids", pa.list_(pa.int64()), nullable=False),
        pa.field("is_selected", pa.bool_(), nullable=False),
        pa.field("forget_accuracy", pa.float64(), nullable=False),
        pa.field("forget_ci_low", pa.float64()),
        pa.field("forget_ci_high", pa.float64()),
        pa.field("forget_loss", pa.float64(), nullable=False),
        pa.field("n_forget", pa.int64(), nullable=False),
        pa.field("retain_accuracy", pa.float64(), nullable=False),
        pa.field("retain_ci_low", pa.float64()),
        pa.field("retain_ci_high", pa.float64()),
        pa.field("retain_loss", pa.float64(), nullable=False),
        pa.field("n_retain", pa.int64(), nullable=False),
        pa.field("n_asked", pa.int64(), nullable=False),
    ]
)
