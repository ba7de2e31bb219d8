"""Columns of the Parquet files of the table `concept_absorption`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("main_feature_ids", pa.list_(pa.int64()), nullable=False),
        pa.field("probe_f1", pa.float64(), nullable=False),
        pa.field("n_kinds", pa.int64(), nullable=False),
        pa.field("n_texts", pa.int64(), nullable=False),
        pa.field("n_right", pa.int64(), nullable=False),
        pa.field("rate", pa.float64()),
        pa.field("rate_ci_low", pa.float64()),
        pa.field("rate_ci_high", pa.float64()),
        pa.field("random_rate", pa.float64()),
        pa.field("fraction", pa.float64()),
        pa.field("fraction_ci_low", pa.float64()),
        pa.field("fraction_ci_high", pa.float64()),
        pa.field("random_fraction", pa.float64()),
    ]
)
