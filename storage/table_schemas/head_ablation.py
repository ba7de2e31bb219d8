"""Columns of the Parquet files of the table `head_ablation`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("ablated", pa.string(), nullable=False),
        pa.field("mode", pa.string(), nullable=False),
        pa.field("layer", pa.int32()),
        pa.field("head", pa.int32()),
        pa.field("heads", pa.list_(pa.string()), nullable=False),
        pa.field("n_sequences", pa.int64(), nullable=False),
        pa.field("first_loss", pa.float64(), nullable=False),
        pa.field("first_loss_ablated", pa.float64(), nullable=False),
        pa.field("second_loss", pa.float64(), nullable=False),
        pa.field("second_loss_ablated", pa.float64(), nullable=False),
        pa.field("change", pa.float64(), nullable=False),
        pa.field("change_ci_low", pa.float64()),
        pa.field("change_ci_high", pa.float64()),
        pa.field("accuracy", pa.float64(), nullable=False),
        pa.field("accuracy_ablated", pa.float64(), nullable=False),
    ]
)
