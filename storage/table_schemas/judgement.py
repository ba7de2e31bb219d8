"""Columns of the Parquet files of the table `judgement`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("explanation_id", pa.string(), nullable=False),
        pa.field("scorer", pa.string(), nullable=False),
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("interval_index", pa.int32()),
        pa.field("document_group", pa.string(), nullable=False),
        pa.field("is_choosing", pa.bool_(), nullable=False),
        pa.field("marked", pa.list_(pa.int32()), nullable=False),
        pa.field("truth", pa.bool_()),
        pa.field("answer", pa.float64()),
        pa.field("strengths", pa.list_(pa.float32())),
        pa.field("is_right", pa.bool_()),
        pa.field("status", pa.string(), nullable=False),
    ]
)
