"""Columns of the Parquet files of the table `patch_example`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("interval_index", pa.int32()),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("image_id", pa.int64(), nullable=False),
        pa.field("position_kind", pa.string(), nullable=False),
        pa.field("row", pa.int32()),
        pa.field("col", pa.int32()),
        pa.field("grid_rows", pa.int32(), nullable=False),
        pa.field("grid_cols", pa.int32(), nullable=False),
        pa.field("x0", pa.int32(), nullable=False),
        pa.field("y0", pa.int32(), nullable=False),
        pa.field("x1", pa.int32(), nullable=False),
        pa.field("y1", pa.int32(), nullable=False),
        pa.field("activation", pa.float64(), nullable=False),
        pa.field("cells", pa.list_(pa.int32()), nullable=False),
        pa.field("cell_activations", pa.list_(pa.float32()), nullable=False),
    ]
)
