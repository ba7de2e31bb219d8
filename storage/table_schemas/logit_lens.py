"""Columns of the Parquet files of the table `logit_lens`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("layer", pa.int32(), nullable=False),
        pa.field("lens", pa.string(), nullable=False),
        pa.field("token", pa.string(), nullable=False),
        pa.field("top_token_ids", pa.list_(pa.int64()), nullable=False),
        pa.field("top_tokens", pa.list_(pa.string()), nullable=False),
        pa.field("top_probabilities", pa.list_(pa.float64()), nullable=False),
        pa.field("entropy", pa.float64(), nullable=False),
        pa.field("kl_to_final", pa.float64(), nullable=False),
        pa.field("answer_probability", pa.float64()),
        pa.field("answer_rank", pa.int64()),
        pa.field("foil_probability", pa.float64()),
        pa.field("foil_rank", pa.int64()),
    ]
)
