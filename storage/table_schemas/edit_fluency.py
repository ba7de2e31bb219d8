"""Columns of the Parquet files of the table `edit_fluency`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("fact", pa.string(), nullable=False),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("completion", pa.string()),
        pa.field("n_tokens", pa.int32(), nullable=False),
        pa.field("ngram_entropy", pa.float64()),
        pa.field("corpus_loss", pa.float64()),
    ]
)
