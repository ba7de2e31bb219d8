"""Settings of multilingual features."""

from typing import Annotated, Literal

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class MultilingualSettings(ExperimentSettings):
    """The same sentences in several languages: of each feature whether its activation follows what is said or the
    language it is said in, and of each dictionary how much of what fires two languages share, beside sentences that say
    different things."""

    question = "Which features follow what is said, and which the language it is said in?"
    tables = ("feature_language", "layer_language")
    prompt_kinds = ("parallel",)
    dictionary = "several"
    prompts_per_chunk = None

    pool: Literal["mean", "max", "last"] = "max"
    """What is made of a sentence's tokens: the mean or the largest of each activation, or the last token's."""
    skip_tokens: Annotated[int, Bounds(0, 100)] = 1
    """Tokens of a sentence that are not read, from its first, special ones included."""
