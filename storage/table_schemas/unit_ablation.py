"""Columns of the Parquet files of the table `unit_ablation`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("site", pa.string(), nullable=False),
        pa.field("channel", pa.int32(), nullable=False),
        pa.field("source_site", pa.string(), nullable=False),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("sources", pa.list_(pa.int32())),
        pa.field("n_sources", pa.int64(), nullable=False),
        pa.field("n_sets", pa.int64(), nullable=False),
        pa.field("stimulus", pa.string(), nullable=False),
        pa.field("angle", pa.float64(), nullable=False),
        pa.field("size", pa.float64()),
        pa.field("response", pa.float64(), nullable=False),
        pa.field("ablated_response", pa.float64(), nullable=False),
        pa.field("effect", pa.float64(), nullable=False),
        pa.field("ci_low", pa.float64()),
        pa.field("ci_high", pa.float64()),
        pa.field("set_deviation", pa.float64()),
        pa.field("n_replicates", pa.int64(), nullable=False),
    ]
)
