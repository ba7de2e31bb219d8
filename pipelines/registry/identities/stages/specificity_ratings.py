"""Ratings of how well labels fit windows of every strength."""

from typing import TYPE_CHECKING

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.explanations import EXPLANATIONS
from pipelines.registry.identities.stages.llm import LLM

if TYPE_CHECKING:
    from pipelines.registry.registry import SAERegistration


def _where_an_llm_judges(registration: "SAERegistration") -> tuple[StageIdentity, ...]:
    return () if registration.recipe.explanations.judge == "lexical" else (LLM,)


SPECIFICITY_RATINGS = StageIdentity(
    "specificity_ratings",
    "2",
    fields=("recipe.explanations.judge",),
    inputs=(EXPLANATIONS,),
    inputs_when=_where_an_llm_judges,
)
