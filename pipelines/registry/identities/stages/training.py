"""How a dictionary learns: read where one does."""

from pipelines.registry.identities.stage_identity import StageIdentity

TRAINING = StageIdentity(
    "training",
    None,
    fields=(
        "recipe.training.tokens",
        "recipe.training.batch_tokens",
        "recipe.training.learning_rate",
        "recipe.training.seed",
        "recipe.training.dead_after_tokens",
        "recipe.training.aux_coefficient",
        "recipe.training.encoder_matmul_dtype",
    ),
    exempt={"recipe.training.checkpoint_tokens": "execution only: a resumed run makes the same numbers"},
)
