"""Tokens that features promote and suppress."""

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.sae import SAE

LOGIT_EFFECTS = StageIdentity("logit_effects", "1", fields=("recipe.statistics.top_logits",), inputs=(SAE,))
