"""Columns of the Parquet files of the table `scaling_fit`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("k", pa.int32(), nullable=False),
        pa.field("n_runs", pa.int32(), nullable=False),
        pa.field("n_left_out", pa.int32(), nullable=False),
        pa.field("n_sizes", pa.int32(), nullable=False),
        pa.field("smallest", pa.int32()),
        pa.field("largest", pa.int32()),
        pa.field("exponent", pa.float64()),
        pa.field("exponent_ci_low", pa.float64()),
        pa.field("exponent_ci_high", pa.float64()),
        pa.field("amplitude", pa.float64()),
        pa.field("floor", pa.float64()),
        pa.field("floor_ci_low", pa.float64()),
        pa.field("floor_ci_high", pa.float64()),
        pa.field("aic", pa.float64()),
        pa.field("aic_without_floor", pa.float64()),
        pa.field("residual", pa.float64()),
        pa.field("further_n", pa.float64()),
        pa.field("further", pa.float64()),
        pa.field("further_ci_low", pa.float64()),
        pa.field("further_ci_high", pa.float64()),
        pa.field("refused", pa.string()),
    ]
)
