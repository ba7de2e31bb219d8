"""Columns of the Parquet files of the table `feature_language`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("layer", pa.int32(), nullable=False),
        pa.field("least_correlation", pa.float64()),
        pa.field("mean_correlation", pa.float64()),
        pa.field("unpaired_correlation", pa.float64()),
        pa.field("language_information", pa.float64(), nullable=False),
        pa.field("languages", pa.list_(pa.string()), nullable=False),
        pa.field("firing_shares", pa.list_(pa.float64()), nullable=False),
        pa.field("n_languages", pa.int32(), nullable=False),
        pa.field("strongest_language", pa.string(), nullable=False),
        pa.field("n_sentences", pa.int64(), nullable=False),
    ]
)
