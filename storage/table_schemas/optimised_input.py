"""Columns of the Parquet files of the table `optimised_input`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("penalty", pa.float64()),
        pa.field("text", pa.string(), nullable=False),
        pa.field("tokens", pa.list_(pa.string()), nullable=False),
        pa.field("token_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("target", pa.float64(), nullable=False),
        pa.field("activation", pa.float64(), nullable=False),
        pa.field("ratio_to_corpus", pa.float64(), nullable=False),
        pa.field("surprise", pa.float64()),
        pa.field("n_forward", pa.int64(), nullable=False),
        pa.field("prompt_id", pa.int32()),
        pa.field("n_before", pa.int32()),
    ]
)
