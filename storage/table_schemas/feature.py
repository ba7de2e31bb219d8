"""Columns of the Parquet files of the table `feature`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("n_firings", pa.int64(), nullable=False),
        pa.field("n_tokens", pa.int64(), nullable=False),
        pa.field("density", pa.float64(), nullable=False),
        pa.field("mean_activation", pa.float64()),
        pa.field("std_activation", pa.float64()),
        pa.field("max_activation", pa.float64()),
        pa.field("is_dead", pa.bool_(), nullable=False),
        pa.field("top_position", pa.int64()),
        pa.field("top_position_share", pa.float64()),
        pa.field("start_share", pa.float64()),
        pa.field("decoder_norm", pa.float64()),
        pa.field("encoder_decoder_cosine", pa.float64()),
        pa.field("logit_skew", pa.float64()),
        pa.field("logit_kurtosis", pa.float64()),
    ]
)
