"""Settings of feature swaps."""

from typing import Annotated

from pydantic import Field

from models.bounds import Bounds, FeatureNumber
from models.experiments.settings_base import ExperimentSettings


class FeatureSwapSettings(ExperimentSettings):
    """One feature is switched off and another on, at the text positions where the first fires and at the last: whether
    the answer of the clean prompt becomes the foil, beside swaps of random features of like density to the same value
    at the same positions."""

    question = "Does the answer become the foil when one feature is swapped for another?"
    tables = ("feature_swap_effect",)
    prompt_kinds = ("contrast_pairs",)
    dictionary = "required"
    feature_settings = ("pairs",)
    needs_answer = True
    needs_foil = True
    prompts_per_chunk = None

    pairs: list[tuple[FeatureNumber, FeatureNumber]] = Field([], max_length=100)
    """Pairs `[feature_off, feature_on]`, each swapped alone; none: the feature whose activation, summed over the text
    and averaged over the prompts, falls most from clean to corrupt, and the one whose activation rises most."""
    strengths: list[Annotated[float, Bounds(0, 1000)]] = Field([1.0, 2.0, 4.0], min_length=1, max_length=100)
    """To what the second feature is set, in multiples of its strongest activation on the corpus."""
    random_pairs: Annotated[int, Bounds(0, 1000)] = 10
    """Baseline: pairs of live features, each of a density like that of the feature whose place it takes."""
