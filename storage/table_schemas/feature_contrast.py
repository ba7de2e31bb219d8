"""Columns of the Parquet files of the table `feature_contrast`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("n_units", pa.int64(), nullable=False),
        pa.field("n_other_units", pa.int64(), nullable=False),
        pa.field("fired_units", pa.int64(), nullable=False),
        pa.field("fired_other_units", pa.int64(), nullable=False),
        pa.field("firing_share", pa.float64(), nullable=False),
        pa.field("firing_share_others", pa.float64(), nullable=False),
        pa.field("auroc", pa.float64(), nullable=False),
        pa.field("log_odds", pa.float64(), nullable=False),
        pa.field("log_odds_se", pa.float64(), nullable=False),
        pa.field("p", pa.float64(), nullable=False),
        pa.field("q", pa.float64(), nullable=False),
        pa.field("n_tested", pa.int64(), nullable=False),
        pa.field("threshold", pa.float64(), nullable=False),
        pa.field("is_above", pa.bool_(), nullable=False),
        pa.field("test_auroc", pa.float64(), nullable=False),
        pa.field("test_auroc_ci_low", pa.float64()),
        pa.field("test_auroc_ci_high", pa.float64()),
        pa.field("precision", pa.float64()),
        pa.field("recall", pa.float64(), nullable=False),
        pa.field("false_positive_rate", pa.float64(), nullable=False),
        pa.field("n_test", pa.int64(), nullable=False),
        pa.field("n_test_of_label", pa.int64(), nullable=False),
        pa.field("length_area", pa.float64(), nullable=False),
    ]
)
