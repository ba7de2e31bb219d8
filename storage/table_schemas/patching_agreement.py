"""Columns of the Parquet files of the table `patching_agreement`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("direction", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("site", pa.string()),
        pa.field("n_places", pa.int64(), nullable=False),
        pa.field("pearson", pa.float64()),
        pa.field("spearman", pa.float64()),
        pa.field("top_ten_share", pa.float64()),
    ]
)
