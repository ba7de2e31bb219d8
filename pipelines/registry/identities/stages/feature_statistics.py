"""Statistics, examples and sparse codes of features."""

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.sae import SAE

_BOUND = "a bound of a check: numbers are held to it, none is made from it"
FEATURE_STATISTICS = StageIdentity(
    "feature_statistics",
    "1",
    fields=(
        "recipe.statistics.top_examples",
        "recipe.statistics.intervals",
        "recipe.statistics.examples_per_interval",
        "recipe.statistics.control_examples",
        "recipe.statistics.window_tokens",
        "recipe.statistics.histogram_bins",
        "recipe.statistics.keep_feature_activations",
    ),
    inputs=(SAE,),
    exempt={
        "recipe.quality_bounds.max_dead_fraction": _BOUND,
        "recipe.quality_bounds.max_one_position_fraction": _BOUND,
    },
)
