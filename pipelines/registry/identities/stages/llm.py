"""The language models that are asked about labels: read where one is asked."""

from pipelines.registry.identities.stage_identity import StageIdentity

_TRAVEL = "execution only: how requests travel, not what they say"
LLM = StageIdentity(
    "llm",
    None,
    fields=(
        "recipe.explanations.llm",
        "recipe.explanations.local_llm",
        "recipe.explanations.local_llm_revision",
        "recipe.explanations.features_per_request",
        "recipe.explanations.budget_usd",
    ),
    exempt={
        "recipe.explanations.api_mode": _TRAVEL,
        "recipe.explanations.concurrency": _TRAVEL,
    },
)
