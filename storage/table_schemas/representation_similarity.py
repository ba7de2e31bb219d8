"""Columns of the Parquet files of the table `representation_similarity`, whose folders name model_id and experiment_id."""  # noqa: E501

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("other_model_id", pa.string(), nullable=False),
        pa.field("measure", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("baseline", pa.float64(), nullable=False),
        pa.field("n_places", pa.int64(), nullable=False),
    ]
)
