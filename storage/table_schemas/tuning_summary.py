"""Columns of the Parquet files of the table `tuning_summary`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string()),
        pa.field("site", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32()),
        pa.field("channel", pa.int32()),
        pa.field("stimulus", pa.string(), nullable=False),
        pa.field("preferred_angle", pa.float64(), nullable=False),
        pa.field("circular_mean", pa.float64(), nullable=False),
        pa.field("circular_mean_ci_low", pa.float64()),
        pa.field("circular_mean_ci_high", pa.float64()),
        pa.field("vector_length", pa.float64(), nullable=False),
        pa.field("vector_length_ci_low", pa.float64()),
        pa.field("vector_length_ci_high", pa.float64()),
        pa.field("half_width", pa.float64(), nullable=False),
        pa.field("echo", pa.float64(), nullable=False),
        pa.field("best_size", pa.float64()),
        pa.field("peak", pa.float64(), nullable=False),
        pa.field("peak_ci_low", pa.float64()),
        pa.field("peak_ci_high", pa.float64()),
        pa.field("noise_peak", pa.float64()),
        pa.field("max_activation", pa.float64()),
        pa.field("is_curve_candidate", pa.bool_()),
        pa.field("n_replicates", pa.int64(), nullable=False),
    ]
)
