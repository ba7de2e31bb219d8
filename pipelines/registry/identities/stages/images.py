"""The images that a vision model sees, and which of their positions are read."""

from typing import TYPE_CHECKING

from pipelines.registry.identities.stage_identity import StageIdentity

if TYPE_CHECKING:
    from pipelines.registry.registry import SAERegistration

IMAGES = StageIdentity(
    "images",
    None,
    fields=(
        "model.images.source",
        "model.images.column",
        "model.images.label",
        "model.images.caption",
        "model.images.max_images",
    ),
)
IMAGE_POSITIONS = StageIdentity("image_positions", None, fields=("model.images.kinds",))


def images_seen(registration: "SAERegistration") -> tuple[StageIdentity, ...]:
    """What a vision model sees; nothing of a model of text."""
    return () if registration.model.images_seen is None else (IMAGES,)


def positions_read(registration: "SAERegistration") -> tuple[StageIdentity, ...]:
    """Positions that a vision model is read at; nothing of a model of text."""
    return () if registration.model.images_seen is None else (IMAGE_POSITIONS,)
