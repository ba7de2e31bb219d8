"""Columns of the Parquet files of the table `concept_coverage`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("word", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("rate", pa.float64(), nullable=False),
        pa.field("n_choosing", pa.int64(), nullable=False),
        pa.field("n_reporting", pa.int64(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("f1", pa.float64(), nullable=False),
        pa.field("precision", pa.float64(), nullable=False),
        pa.field("recall", pa.float64(), nullable=False),
        pa.field("is_covered", pa.bool_(), nullable=False),
    ]
)
