"""Settings of number frequencies."""

from typing import Annotated

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class NumberFrequenciesSettings(ExperimentSettings):
    """Prompts hold every pair of two numbers once; the activations of each unit over the pairs, where the answer is to
    be said, are taken apart into waves of both numbers (Nanda et al. 2023). A model that adds modulo a number by
    rotations has a few key frequencies, in the numbers' embeddings and in nearly every unit; one that learned sums by
    heart has many. Units are a dictionary's features, or the site's own entries where no recipe is named; beside each
    share stands what the same activations have with the pairs shuffled."""

    question = "Of which frequencies in the numbers are its units made?"
    tables = ("unit_frequency", "number_frequency")
    dictionary = "optional"
    prompts_per_chunk = None

    site: str = "mlp_act.@1"
    """Whose entries are the units, where the card names no recipe."""
    units: Annotated[int, Bounds(1, 10**6)] = 4_096
    """Of the site or the dictionary that are taken apart at most, the first of them that vary."""
