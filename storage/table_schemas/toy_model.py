"""Columns of the Parquet files of the table `toy_model`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("toy_id", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("n_features", pa.int32(), nullable=False),
        pa.field("n_hidden", pa.int32(), nullable=False),
        pa.field("density", pa.float64(), nullable=False),
        pa.field("importance", pa.float64(), nullable=False),
        pa.field("n_examples", pa.int32()),
        pa.field("loss", pa.float64(), nullable=False),
        pa.field("test_loss", pa.float64()),
        pa.field("norm_squared", pa.float64()),
        pa.field("dimensions_per_feature", pa.float64()),
        pa.field("n_represented", pa.int32()),
        pa.field("phase", pa.string()),
        pa.field("example_norm", pa.float64()),
        pa.field("feature_norm", pa.float64()),
        pa.field("example_dimensionality", pa.float64()),
        pa.field("feature_dimensionality", pa.float64()),
    ]
)
