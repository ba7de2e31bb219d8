"""Labels of features."""

from typing import TYPE_CHECKING

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.feature_statistics import FEATURE_STATISTICS
from pipelines.registry.identities.stages.llm import LLM
from pipelines.registry.identities.stages.logit_effects import LOGIT_EFFECTS
from pipelines.registry.identities.stages.neighbors import NEIGHBORS

if TYPE_CHECKING:
    from pipelines.registry.registry import SAERegistration

_SHOWN = {"logits": LOGIT_EFFECTS, "contrastive": NEIGHBORS}
"""What a prompt shows besides the windows."""


def _where_prompts_are_sent(registration: "SAERegistration") -> tuple[StageIdentity, ...]:
    settings = registration.recipe.explanations
    if not settings.explainers_send_prompts:
        return ()
    return (LLM, *(_SHOWN[name] for name in settings.prompt_variants if name in _SHOWN))


EXPLANATIONS = StageIdentity(
    "explanations",
    "2",
    fields=(
        "recipe.explanations.explainer",
        "recipe.explanations.prompt_variants",
        "recipe.explanations.example_selection",
        "recipe.explanations.features",
        "recipe.explanations.priority",
    ),
    inputs=(FEATURE_STATISTICS,),
    inputs_when=_where_prompts_are_sent,
)
