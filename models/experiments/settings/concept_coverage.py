"""Settings of concept coverage."""

from typing import Annotated

from pydantic import Field

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings


class ConceptCoverageSettings(ExperimentSettings):
    """For each of many words, whether a dictionary has a feature that fires where the word ends and nowhere else, and
    from which frequency on half of them have one (Templeton et al. 2024). The feature is chosen on one half of the
    card's texts, by their groups, and reported on the other; of several recipes each has its own curve."""

    question = "How often must a concept occur to have a feature?"
    tables = ("concept_coverage", "coverage_law")
    prompt_kinds = ("prompts", "labelled")
    dictionary = "several"
    prompts_per_chunk = None

    words: tuple[str, ...] = Field(default=(), max_length=10_000)
    """The concepts; none for every keyword of Python and every module of its standard library."""
    fewest_occurrences: Annotated[int, Bounds(1, 10**6)] = 5
    """In each half of the texts, of a word that counts."""
