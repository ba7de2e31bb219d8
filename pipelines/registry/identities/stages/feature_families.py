"""Families and trees of the features of a dictionary."""

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.feature_statistics import FEATURE_STATISTICS

FEATURE_FAMILIES = StageIdentity(
    "feature_families",
    "1",
    fields=(
        "recipe.feature_families.neighbors",
        "recipe.feature_families.least_cosine",
        "recipe.feature_families.fewest_members",
        "recipe.feature_families.parent_share",
        "recipe.feature_families.parent_rate",
        "recipe.feature_families.parent_lift",
        "recipe.feature_families.absorbed_cosine",
        "recipe.feature_families.absorbed_share",
        "recipe.feature_families.fewest_firings",
    ),
    inputs=(FEATURE_STATISTICS,),
)
