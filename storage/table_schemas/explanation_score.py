"""Columns of the Parquet files of the table `explanation_score`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("explanation_id", pa.string(), nullable=False),
        pa.field("scorer", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("n_trials", pa.int64()),
        pa.field("n_failed", pa.int64()),
        pa.field("is_headline", pa.bool_(), nullable=False),
        pa.field("choosing_value", pa.float64()),
        pa.field("reporting_value", pa.float64()),
        pa.field("reporting_ci_low", pa.float64()),
        pa.field("reporting_ci_high", pa.float64()),
        pa.field("reporting_n_trials", pa.int64()),
    ]
)
