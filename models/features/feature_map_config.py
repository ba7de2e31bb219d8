"""How the map of a dictionary's features is laid out."""

from typing import Annotated

from models.bounds import MOST_FEATURES, Bounds
from models.config_base import MethodSettings


class FeatureMapSettings(MethodSettings):
    """How the map of a dictionary's features is laid out."""

    section = "feature_map"

    neighbors: Annotated[int, Bounds(3, 1_000)] = 15
    """Nearest features by decoder cosine that hold a feature in its place; the perplexity of t-SNE is a third of it."""
    iterations: Annotated[int, Bounds(1, 100_000)] = 250
    """Steps of t-SNE, after half as many of early exaggeration."""
    min_cluster_size: Annotated[int, Bounds(2, MOST_FEATURES)] = 10
    """Features that stand together are a cluster from this many on."""
    seed: Annotated[int, Bounds(0, 2**32 - 1)] = 0
    """Of the little chance in the layout: features that point exactly alike begin a hair apart."""
