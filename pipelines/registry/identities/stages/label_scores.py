"""Scores of labels."""

from typing import TYPE_CHECKING

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.explanations import EXPLANATIONS
from pipelines.registry.identities.stages.llm import LLM
from pipelines.registry.identities.stages.logit_effects import LOGIT_EFFECTS
from pipelines.registry.identities.stages.neighbors import NEIGHBORS
from pipelines.registry.identities.stages.specificity_ratings import SPECIFICITY_RATINGS

if TYPE_CHECKING:
    from pipelines.registry.registry import SAERegistration


def _where_an_llm_is_asked(registration: "SAERegistration") -> tuple[StageIdentity, ...]:
    """By a judge or, whoever judges, by a scorer itself."""
    from models.autointerp.scorer import scorer_of

    settings = registration.recipe.explanations
    by_scorers = {name for scorer in map(scorer_of, settings.scorers) for name in (*scorer.reads, *scorer.needs)}
    asked = by_scorers & {name.rpartition(".")[2] for name in LLM.fields}
    return (LLM,) if asked or settings.judge != "lexical" else ()


LABEL_SCORES = StageIdentity(
    "label_scores",
    "2",
    fields=(
        "recipe.explanations.scorers",
        "recipe.explanations.sentence_encoder",
        "recipe.explanations.sentence_encoder_revision",
    ),
    inputs=(EXPLANATIONS, SPECIFICITY_RATINGS, NEIGHBORS, LOGIT_EFFECTS),
    inputs_when=_where_an_llm_is_asked,
)
