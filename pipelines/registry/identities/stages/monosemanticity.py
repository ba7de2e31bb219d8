"""How alike the images are in which features fire."""

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.feature_statistics import FEATURE_STATISTICS

MONOSEMANTICITY = StageIdentity(
    "monosemanticity", "1", fields=("recipe.monosemanticity.max_images",), inputs=(FEATURE_STATISTICS,)
)
