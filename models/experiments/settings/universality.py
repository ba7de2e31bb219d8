"""Settings of universality."""

from typing import Annotated

from models.bounds import Bounds
from models.experiments.comparison_settings import ComparisonSettings


class UniversalitySettings(ComparisonSettings):
    """Two models read the same texts, aligned by characters where they cut them differently: for each feature of the
    one the feature of the other whose activations correlate most, beside the same with the other's places shuffled; and
    how alike the activations themselves are (CKA, SVCCA). What no place of the other model does has no counterpart."""

    question = "Which features does another model have too?"
    tables = ("feature_counterpart", "representation_similarity")

    similarity_places: Annotated[int, Bounds(10, 100_000)] = 2_000
    """Places on which CKA and SVCCA are measured at most: with fewer places than directions everything is alike."""
