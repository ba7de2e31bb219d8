"""Columns of the Parquet files of the table `image_steering_effect`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string()),
        pa.field("site", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32()),
        pa.field("channel", pa.int32()),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("strength", pa.float64(), nullable=False),
        pa.field("class_id", pa.int32(), nullable=False),
        pa.field("class_name", pa.string(), nullable=False),
        pa.field("is_promoted", pa.bool_(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),
        pa.field("plain_probability", pa.float64(), nullable=False),
        pa.field("log_probability_change", pa.float64(), nullable=False),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("likeliest_share", pa.float64(), nullable=False),
        pa.field("plain_likeliest_share", pa.float64(), nullable=False),
        pa.field("n_edits", pa.int64(), nullable=False),
        pa.field("n_images", pa.int64(), nullable=False),
    ]
)
