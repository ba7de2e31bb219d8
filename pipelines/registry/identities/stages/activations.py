"""A model's activations at one site."""

from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.context_frame import CONTEXT_FRAME
from pipelines.registry.identities.stages.corpus import CORPUS
from pipelines.registry.identities.stages.images import positions_read

ACTIVATIONS = StageIdentity(
    "activations",
    "1",
    fields=("model.shard_dtype", "model.max_norm"),
    inputs=(CONTEXT_FRAME, CORPUS),
    inputs_when=positions_read,
)
