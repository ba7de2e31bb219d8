"""Columns of the Parquet files of the table `sae`, whose folders name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("identity", pa.string(), nullable=False),
        pa.field("corpus_id", pa.string(), nullable=False),
        pa.field("frame_sha256", pa.string(), nullable=False),
        pa.field("site", pa.string(), nullable=False),
        pa.field("output_site", pa.string()),
        pa.field("layer", pa.int32()),
        pa.field("architecture", pa.string(), nullable=False),
        pa.field("d_in", pa.int64()),
        pa.field("n_features", pa.int64(), nullable=False),
        pa.field("n_intervals", pa.int32()),
        pa.field("config", pa.string(), nullable=False),
        pa.field("n_training_tokens", pa.int64()),
        pa.field("seed", pa.int64()),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("provenance_mismatch", pa.string()),
        pa.field("code_version", pa.string(), nullable=False),
        pa.field("created_at", pa.timestamp("us"), nullable=False),
    ]
)
