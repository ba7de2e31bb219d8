"""The text that a model reads, and how much of it at once."""

from pipelines.registry.identities.stage_identity import StageIdentity

TEXT = StageIdentity(
    "text", None, fields=("model.corpus.source", "model.corpus.text_column", "model.corpus.context_length")
)
