"""Columns of the Parquet files of the table `attribute_disentanglement`, whose folders name model_id and
experiment_id.
"""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("attribute", pa.string(), nullable=False),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("n_moved", pa.int64()),
        pa.field("feature_ids", pa.list_(pa.int64())),
        pa.field("cause", pa.float64(), nullable=False),
        pa.field("cause_ci_low", pa.float64()),
        pa.field("cause_ci_high", pa.float64()),
        pa.field("isolation", pa.float64(), nullable=False),
        pa.field("isolation_ci_low", pa.float64()),
        pa.field("isolation_ci_high", pa.float64()),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("score_ci_low", pa.float64()),
        pa.field("score_ci_high", pa.float64()),
        pa.field("n_cause", pa.int64(), nullable=False),
        pa.field("n_isolation", pa.int64(), nullable=False),
        pa.field("n_entities", pa.int64(), nullable=False),
        pa.field("n_known", pa.int64(), nullable=False),
        pa.field("n_asked", pa.int64(), nullable=False),
    ]
)
