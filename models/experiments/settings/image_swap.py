"""Settings of feature swaps in image classifiers."""

from typing import Annotated

from pydantic import Field

from models.bounds import Bounds, FeatureNumber
from models.experiments.settings_base import ExperimentSettings


class ImageSwapSettings(ExperimentSettings):
    """One feature is switched off in images and another set in its place, where the first fired: whether the class of
    the one image becomes that of the other, beside swaps of random features of like density. A pair that the images
    choose is chosen on half of their groups and reported on the others."""

    question = "Does one class become the other when one feature of an image is swapped for another?"
    tables = ("feature_swap_effect",)
    asks = "vision"
    prompt_kinds = ("image_pairs",)
    dictionary = "required"
    feature_settings = ("pairs",)
    needs_answer = True
    needs_foil = True
    prompts_per_chunk = None

    pairs: list[tuple[FeatureNumber, FeatureNumber]] = Field([], max_length=100)
    """Pairs `[feature_off, feature_on]`, each swapped alone; none: the feature whose activation, averaged over places
    and images, falls most from the first image of a pair to the second, and the one whose activation rises most, each
    in shares of its strongest on the corpus."""
    strengths: list[Annotated[float, Bounds(0, 1000)]] = Field([1.0, 2.0, 4.0], min_length=1, max_length=100)
    """To what the second feature is set, in multiples of its strongest activation on the corpus."""
    random_pairs: Annotated[int, Bounds(0, 1000)] = 10
    """Baseline: pairs of live features, each of a density like that of the feature whose place it takes."""
