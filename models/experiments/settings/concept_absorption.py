"""Settings of concept absorption."""

from typing import Annotated, Literal

from models.bounds import Bounds
from models.experiments.text_set_settings import TextSetSettings


class ConceptAbsorptionSettings(TextSetSettings):
    """Each label of a text set is a concept and each group one of its kinds: texts of one word or module.
    Where the features that stand for the concept stay silent or fall low on a kind, whether others bring the concept in
    their place (absorption of SAEBench, whose concepts are first letters and whose kinds are words). Probes and
    features are of some kinds, and other kinds are reported."""

    question = "Which kinds of a concept have been swallowed by more specific features?"
    tables = ("concept_absorption", "concept_absorption_kind")

    pool: Literal["mean", "max", "last"] = "last"
    """What is made of a text's tokens: the last token's activations, where a text ends in its kind's name, or the
    mean."""
    random_draws: Annotated[int, Bounds(1, 100)] = 8
    """Sets of random features in the place of the concept's that are averaged over."""
    fewest_kinds: Annotated[int, Bounds(4, 10_000)] = 8
    """Groups that each label has to have."""
