"""Columns of the Parquet files of the table `feature_class`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("choosing_auroc", pa.float64(), nullable=False),
        pa.field("auroc", pa.float64(), nullable=False),
        pa.field("auroc_ci_low", pa.float64(), nullable=False),
        pa.field("auroc_ci_high", pa.float64(), nullable=False),
        pa.field("shuffled_auroc", pa.float64(), nullable=False),
        pa.field("lift", pa.float64()),
        pa.field("n_images", pa.int64(), nullable=False),
        pa.field("n_of_label", pa.int64(), nullable=False),
    ]
)
