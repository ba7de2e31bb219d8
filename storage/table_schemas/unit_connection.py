"""Columns of the Parquet files of the table `unit_connection`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("site", pa.string(), nullable=False),
        pa.field("channel", pa.int32(), nullable=False),
        pa.field("source_site", pa.string(), nullable=False),
        pa.field("source_channel", pa.int32(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("kernel_sum", pa.float64(), nullable=False),
        pa.field("kernel_norm", pa.float64(), nullable=False),
        pa.field("contribution", pa.float64(), nullable=False),
        pa.field("ablation_effect", pa.float64(), nullable=False),
        pa.field("response", pa.float64(), nullable=False),
        pa.field("source_orientation", pa.float64(), nullable=False),
        pa.field("source_vector_length", pa.float64(), nullable=False),
    ]
)
