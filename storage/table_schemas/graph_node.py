"""Columns of the Parquet files of the table `graph_node`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("node_id", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("layer", pa.int32()),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("recipe_id", pa.string()),
        pa.field("feature_id", pa.int32()),
        pa.field("token_id", pa.int64()),
        pa.field("token", pa.string(), nullable=False),
        pa.field("activation", pa.float64()),
        pa.field("probability", pa.float64()),
        pa.field("influence", pa.float64(), nullable=False),
        pa.field("error_share", pa.float64()),
        pa.field("kept", pa.bool_(), nullable=False),
        pa.field("supernode", pa.string()),
        pa.field("cluster", pa.int32()),
    ]
)
