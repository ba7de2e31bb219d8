"""Columns of the Parquet files of the table `monosemanticity`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("score_ci_low", pa.float64()),
        pa.field("score_ci_high", pa.float64()),
        pa.field("shuffled_score", pa.float64()),
        pa.field("mean_similarity", pa.float64(), nullable=False),
        pa.field("n_images", pa.int64(), nullable=False),
        pa.field("n_firing_images", pa.int64(), nullable=False),
        pa.field("embedding_site", pa.string(), nullable=False),
        pa.field("pooling", pa.string(), nullable=False),
    ]
)
