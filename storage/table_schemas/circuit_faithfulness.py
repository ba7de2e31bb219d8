"""Columns of the Parquet files of the table `circuit_faithfulness`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("subset", pa.string(), nullable=False),
        pa.field("n_nodes", pa.int32(), nullable=False),
        pa.field("metric", pa.float64(), nullable=False),
        pa.field("metric_without", pa.float64(), nullable=False),
        pa.field("metric_of_model", pa.float64(), nullable=False),
        pa.field("faithfulness", pa.float64()),
        pa.field("faithfulness_ci_low", pa.float64()),
        pa.field("faithfulness_ci_high", pa.float64()),
        pa.field("n_prompts", pa.int64(), nullable=False),
    ]
)
