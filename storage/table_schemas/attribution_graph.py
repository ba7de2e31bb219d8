"""Columns of the Parquet files of the table `attribution_graph`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("n_tokens", pa.int32(), nullable=False),
        pa.field("n_special", pa.int32()),
        pa.field("n_active_features", pa.int64()),
        pa.field("n_features", pa.int64(), nullable=False),
        pa.field("left_out_influence", pa.float64()),
        pa.field("dropped_edges", pa.float64()),
        pa.field("n_logits", pa.int32(), nullable=False),
        pa.field("logit_mass", pa.float64(), nullable=False),
        pa.field("replacement_score", pa.float64()),
        pa.field("completeness_score", pa.float64()),
        pa.field("node_threshold", pa.float64()),
        pa.field("edge_threshold", pa.float64()),
        pa.field("n_kept_nodes", pa.int64(), nullable=False),
        pa.field("n_kept_edges", pa.int64(), nullable=False),
    ]
)
