"""The special tokens around each context."""

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.images import images_seen
from pipelines.registry.identities.stages.model import MODEL
from pipelines.registry.identities.stages.text import TEXT

CONTEXT_FRAME = StageIdentity(
    "context_frame",
    "1",
    fields=("model.prepend_bos", "model.skip_first"),
    inputs=(MODEL, TEXT),
    inputs_when=images_seen,
)
