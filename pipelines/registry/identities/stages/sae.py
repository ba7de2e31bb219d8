"""The dictionary."""

from typing import TYPE_CHECKING

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.activations import ACTIVATIONS
from pipelines.registry.identities.stages.training import TRAINING

if TYPE_CHECKING:
    from pipelines.registry.registry import SAERegistration


def _where_it_learns(registration: "SAERegistration") -> tuple[StageIdentity, ...]:
    return (TRAINING,) if registration.recipe.sae.learns else ()


SAE = StageIdentity(
    "sae",
    "1",
    fields=(
        "recipe.site",
        "recipe.sae.architecture",
        "recipe.sae.expansion",
        "recipe.sae.n_features",
        "recipe.sae.k",
        "recipe.sae.output_site",
        "recipe.sae.skip_connection",
        "recipe.sae.sparsity_coefficient",
        "recipe.sae.sparsity_penalty",
        "recipe.sae.ste_bandwidth",
        "recipe.sae.matryoshka_fractions",
        "recipe.sae.import",
        "recipe.sae.format",
        "recipe.sae.revision",
        "recipe.sae.allow_mismatch",
    ),
    inputs=(ACTIVATIONS,),
    inputs_when=_where_it_learns,
    exempt={"recipe.quality_bounds.max_l0_error": "a bound of checks: numbers are held to it, none is made from it"},
)
