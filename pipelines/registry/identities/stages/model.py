"""The language model itself: read wherever it runs."""

from pipelines.registry.identities.stage_identity import StageIdentity

MODEL = StageIdentity(
    "model",
    None,
    fields=("model.source", "model.revision", "model.dtype"),
    exempt={"model.recipes": "which recipes run on the model, not what they make"},
)
