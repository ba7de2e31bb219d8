"""Places and clusters of the features of a dictionary."""

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.feature_statistics import FEATURE_STATISTICS

FEATURE_MAP = StageIdentity(
    "feature_map",
    "1",
    fields=(
        "recipe.feature_map.neighbors",
        "recipe.feature_map.iterations",
        "recipe.feature_map.min_cluster_size",
        "recipe.feature_map.seed",
    ),
    inputs=(FEATURE_STATISTICS,),
)
