"""Columns of the Parquet files of the table `example`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("interval_index", pa.int32()),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("context_id", pa.int64(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("activation", pa.float64(), nullable=False),
        pa.field("tokens", pa.list_(pa.string()), nullable=False),
        pa.field("activations", pa.list_(pa.float32()), nullable=False),
        pa.field("peak", pa.int32(), nullable=False),
    ]
)
