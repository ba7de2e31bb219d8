"""Settings of the logit lens."""

from typing import Annotated, Literal

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class LogitLensSettings(ExperimentSettings):
    """The residual stream behind each block, read by the final norm and the output embedding as if the model ended
    there: most likely tokens, entropy, distance from the model's own answer, rank of the answer that a prompt names."""

    question = "What would the model say next if it ended after each block?"
    tables = ("logit_lens",)
    prompt_kinds = ("prompts", "contrast_pairs", "labelled", "parallel", "chat")

    positions: Literal["last", "all"] = "all"
    """Whether every position of a prompt is read or its last only."""
    top_tokens: Annotated[int, Bounds(1, 100)] = 5
    """Most likely tokens that are kept for each layer and position."""
