"""Columns of the Parquet files of the table `coverage_law`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("n_features", pa.int32(), nullable=False),
        pa.field("n_alive", pa.int32(), nullable=False),
        pa.field("n_concepts", pa.int32(), nullable=False),
        pa.field("n_covered", pa.int32(), nullable=False),
        pa.field("n_tokens", pa.int64(), nullable=False),
        pa.field("half_rate", pa.float64()),
        pa.field("half_rate_ci_low", pa.float64()),
        pa.field("half_rate_ci_high", pa.float64()),
        pa.field("steepness", pa.float64()),
        pa.field("one_per_feature", pa.float64()),
    ]
)
