"""Columns of the Parquet files of the table `crosscoder_feature`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("latent_id", pa.int32(), nullable=False),
        pa.field("norm", pa.float64(), nullable=False),
        pa.field("other_norm", pa.float64(), nullable=False),
        pa.field("delta", pa.float64(), nullable=False),
        pa.field("evened_delta", pa.float64(), nullable=False),
        pa.field("cosine", pa.float64(), nullable=False),
        pa.field("rate", pa.float64(), nullable=False),
        pa.field("n_firings", pa.int64(), nullable=False),
        pa.field("nu_error", pa.float64(), nullable=False),
        pa.field("nu_reconstruction", pa.float64(), nullable=False),
        pa.field("nu_vector", pa.float64(), nullable=False),
        pa.field("nu_vector_chance", pa.float64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("is_believed", pa.bool_(), nullable=False),
    ]
)
