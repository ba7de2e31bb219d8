"""Columns of the Parquet files of the table `probe_ablation`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("probe_id", pa.int32(), nullable=False),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("is_refitted", pa.bool_(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("accuracy", pa.float64(), nullable=False),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("unablated_accuracy", pa.float64(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),
        pa.field("feature_ids", pa.list_(pa.int32()), nullable=False),
    ]
)
