"""Columns of the Parquet files of the table `concept_absorption_kind`, whose folders name model_id and
experiment_id.
"""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("n_texts", pa.int64(), nullable=False),
        pa.field("n_right", pa.int64(), nullable=False),
        pa.field("n_absorbed", pa.int64(), nullable=False),
        pa.field("fraction", pa.float64()),
        pa.field("feature_id", pa.int64()),
        pa.field("cosine", pa.float64()),
    ]
)
