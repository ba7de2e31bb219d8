"""Columns of the Parquet files of the table `patching_mean`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("direction", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("site", pa.string(), nullable=False),
        pa.field("layer", pa.int32(), nullable=False),
        pa.field("head", pa.int32()),
        pa.field("place", pa.string(), nullable=False),
        pa.field("effect", pa.float64(), nullable=False),
        pa.field("share", pa.float64()),
        pa.field("share_ci_low", pa.float64()),
        pa.field("share_ci_high", pa.float64()),
        pa.field("n_prompts", pa.int64(), nullable=False),
    ]
)
