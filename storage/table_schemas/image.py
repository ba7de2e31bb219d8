"""Columns of the Parquet files of the table `image`, whose folders name corpus_id and frame_sha256."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.int64(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("caption", pa.string()),
        pa.field("is_held_out", pa.bool_(), nullable=False),
        pa.field("thumb_jpeg", pa.string(), nullable=False),
        pa.field("view_height", pa.int32(), nullable=False),
        pa.field("view_width", pa.int32(), nullable=False),
    ]
)
