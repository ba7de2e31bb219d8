"""Metrics of a dictionary on held-out documents."""

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.sae import SAE

_BOUND = "a bound of a check: numbers are held to it, none is made from it"
SAE_EVALUATION = StageIdentity(
    "sae_evaluation",
    "3",
    fields=("recipe.statistics.evaluation_tokens", "recipe.statistics.probe_tokens"),
    inputs=(SAE,),
    exempt={"recipe.quality_bounds.max_fvu": _BOUND, "recipe.quality_bounds.min_ce_recovered": _BOUND},
)
