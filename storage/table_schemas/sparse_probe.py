"""Columns of the Parquet files of the table `sparse_probe`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("reads", pa.string(), nullable=False),
        pa.field("n_latents", pa.int32()),
        pa.field("feature_ids", pa.list_(pa.int64())),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("baseline", pa.float64(), nullable=False),
        pa.field("n_train", pa.int64(), nullable=False),
        pa.field("n_test", pa.int64(), nullable=False),
        pa.field("n_test_of_label", pa.int64(), nullable=False),
        pa.field("length_area", pa.float64(), nullable=False),
    ]
)
