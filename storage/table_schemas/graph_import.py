"""Columns of the Parquet files of the table `graph_import`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("tool", pa.string()),
        pa.field("tool_version", pa.string()),
        pa.field("scan", pa.string(), nullable=False),
        pa.field("transcoders", pa.list_(pa.string()), nullable=False),
        pa.field("schema_version", pa.int32(), nullable=False),
    ]
)
