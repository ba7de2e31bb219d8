"""Columns of the Parquet files of the table `steering_completion`, whose folders name model_id and experiment_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("recipe_id", pa.string(), nullable=False),
        pa.field("feature_id", pa.int32(), nullable=False),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("strength", pa.float64(), nullable=False),
        pa.field("prompt_id", pa.int32(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("residual_share", pa.float64(), nullable=False),
        pa.field("random_feature_id", pa.int32()),
        pa.field("completion", pa.string(), nullable=False),
        pa.field("unsteered_completion", pa.string(), nullable=False),
        pa.field("n_tokens", pa.int32(), nullable=False),
        pa.field("target_log_probability", pa.float64(), nullable=False),
        pa.field("unsteered_target_log_probability", pa.float64(), nullable=False),
        pa.field("surprise", pa.float64(), nullable=False),
        pa.field("unsteered_surprise", pa.float64(), nullable=False),
        pa.field("repetition", pa.float64(), nullable=False),
        pa.field("unsteered_repetition", pa.float64(), nullable=False),
        pa.field("kl", pa.float64(), nullable=False),
        pa.field("steering_score", pa.float64(), nullable=False),
        pa.field("judge_concept", pa.int32()),
        pa.field("judge_instruction", pa.int32()),
        pa.field("judge_fluency", pa.int32()),
        pa.field("judge_hmean", pa.float64()),
        pa.field("unsteered_judge_concept", pa.int32()),
        pa.field("unsteered_judge_instruction", pa.int32()),
        pa.field("unsteered_judge_fluency", pa.int32()),
        pa.field("unsteered_judge_hmean", pa.float64()),
    ]
)
