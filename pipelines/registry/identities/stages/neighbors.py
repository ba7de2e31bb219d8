"""Nearest features of the same dictionary."""

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.feature_statistics import FEATURE_STATISTICS

NEIGHBORS = StageIdentity(
    "neighbors", "1", fields=("recipe.statistics.similar_features",), inputs=(FEATURE_STATISTICS,)
)
