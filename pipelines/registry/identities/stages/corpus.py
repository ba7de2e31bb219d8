"""The corpus as contexts of tokens. Models of one tokenizer share it, so it knows the frame by content only."""

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.images import images_seen
from pipelines.registry.identities.stages.text import TEXT

CORPUS = StageIdentity("corpus", "1", fields=("model.corpus.tokens",), inputs=(TEXT,), inputs_when=images_seen)
