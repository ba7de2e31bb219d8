"""Likenesses between features of two dictionaries."""

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.sae import SAE

FEATURE_MATCHES = StageIdentity("feature_matches", "1", inputs=(SAE,))
