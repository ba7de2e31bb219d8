"""Columns of the Parquet files of the table `optimised_image`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string()),
        pa.field("site", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32()),
        pa.field("channel", pa.int32()),
        pa.field("direction", pa.string()),
        pa.field("image_seed", pa.int64(), nullable=False),
        pa.field("objective", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("start_value", pa.float64(), nullable=False),
        pa.field("activation", pa.float64(), nullable=False),
        pa.field("max_activation", pa.float64()),
        pa.field("diversity", pa.float64(), nullable=False),
        pa.field("steps", pa.int64(), nullable=False),
        pa.field("side", pa.int32(), nullable=False),
        pa.field("basis", pa.string(), nullable=False),
        pa.field("transforms_sha256", pa.string(), nullable=False),
        pa.field("png", pa.binary(), nullable=False),
    ]
)
