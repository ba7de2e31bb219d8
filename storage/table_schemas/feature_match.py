"""Columns of the Parquet files of the table `feature_match`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("other_recipe_id", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("other_feature_id", pa.int32(), nullable=False),
        pa.field("cosine", pa.float64(), nullable=False),
        pa.field("is_mutual", pa.bool_(), nullable=False),
        pa.field("n_split_features", pa.int32(), nullable=False),
    ]
)
