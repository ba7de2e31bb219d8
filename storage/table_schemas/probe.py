"""Columns of the Parquet files of the table `probe`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("probe_id", pa.int32(), nullable=False),
        pa.field("task", pa.string(), nullable=False),
        pa.field("site", pa.string(), nullable=False),
        pa.field("layer", pa.int32(), nullable=False),
        pa.field("recipe_id", pa.string()),
        pa.field("position_rule", pa.string(), nullable=False),
        pa.field("n_classes", pa.int32(), nullable=False),
        pa.field("n_inputs", pa.int32(), nullable=False),
        pa.field("feature_ids", pa.list_(pa.int64())),
        pa.field("n_train", pa.int64(), nullable=False),
        pa.field("n_test", pa.int64(), nullable=False),
        pa.field("n_train_groups", pa.int64(), nullable=False),
        pa.field("n_test_groups", pa.int64(), nullable=False),
        pa.field("penalty", pa.float64(), nullable=False),
    ]
)
