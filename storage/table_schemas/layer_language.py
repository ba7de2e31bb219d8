"""Columns of the Parquet files of the table `layer_language`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("layer", pa.int32(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("other_language", pa.string(), nullable=False),
        pa.field("overlap", pa.float64(), nullable=False),
        pa.field("unpaired_overlap", pa.float64(), nullable=False),
        pa.field("lift", pa.float64(), nullable=False),
        pa.field("n_sentences", pa.int64(), nullable=False),
    ]
)
