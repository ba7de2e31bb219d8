"""The dictionary."""

from typing import TYPE_CHECKING

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.activations import ACTIVATIONS
from pipelines.registry.identities.stages.dictionary_set import CROSS_LAYER, DICTIONARY_SET
from pipelines.registry.identities.stages.import_settings import IMPORT_SETTINGS
from pipelines.registry.identities.stages.training import TRAINING

if TYPE_CHECKING:
    from pipelines.registry.registry import SAERegistration


def _by_origin(registration: "SAERegistration") -> tuple[StageIdentity, ...]:
    """Settings of training where it learns, those of imports where it is imported, and the blocks of a set."""
    asked = registration.recipe.sae
    wanted = {
        TRAINING: asked.learns,
        IMPORT_SETTINGS: asked.imported is not None,
        DICTIONARY_SET: registration.recipe.layers is not None,
        CROSS_LAYER: asked.architecture == "cross_layer_transcoder",
    }
    return tuple(stage for stage, is_wanted in wanted.items() if is_wanted)


SAE = StageIdentity(
    "sae",
    "4",
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
    ),
    inputs=(ACTIVATIONS,),
    inputs_when=_by_origin,
    exempt={"recipe.quality_bounds.max_l0_error": "a bound of checks: numbers are held to it, none is made from it"},
)
