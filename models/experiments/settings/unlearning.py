"""Settings of unlearning by features."""

from typing import Annotated

from pydantic import Field

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class UnlearningSettings(ExperimentSettings):
    """What a label's prompts ask is to be forgotten, and what the others ask is to stay. Features that fire often on
    the tokens of the one and seldom on those of the others are set below 0 wherever they fire. Which features and how
    far is chosen on half of the groups, as the setting that forgets most and keeps .99 of the rest, and reported on the
    other half, beside random features of like density. Prompts that the model answers wrongly are left out."""

    question = "Can the model be made to forget one matter with features, and nothing else?"
    tables = ("unlearning",)
    prompt_kinds = ("labelled",)
    dictionary = "required"
    needs_answer = True
    prompts_per_chunk = None

    forget: list[str] | None = None
    """Labels that are forgotten, one after the other; null for each."""
    retain_rates: list[Annotated[float, Bounds(0, 1)]] = Field([0.001, 0.01, 0.03], min_length=1, max_length=12)
    """Largest shares of the retained tokens on which a feature may fire."""
    features: list[Annotated[int, Bounds(1, 4096)]] = Field([2, 10, 20], min_length=1, max_length=12)
    """How many are set below 0."""
    multiples: list[Annotated[float, Bounds(0, 1000)]] = Field([0.5, 1, 2, 4], min_length=1, max_length=12)
    """How far below 0, in units of each feature's largest activation on the corpus."""
    fewest_known: Annotated[int, Bounds(2, 10**6)] = 10
    """Prompts of either kind that the model answers rightly, in each half."""
