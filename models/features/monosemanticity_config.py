"""What the images of a vision model's features are compared by."""

from typing import Annotated

from models.bounds import Bounds
from models.config_base import MethodSettings


class MonosemanticitySettings(MethodSettings):
    """How alike the images are in which features of a vision model fire."""

    section = "monosemanticity"

    max_images: Annotated[int, Bounds(2, 1_000_000)] = 10_000
    """Images that are compared, at most; of more, those whose names' hashes come first. Each takes a forward pass, and
    memory for all features that fire in it."""
    encoder: str | None = None
    """Folder or hub repository of another vision model, by whose embeddings images are compared; null takes the
    model's own."""
    encoder_revision: str | None = None
    """On the hub: branch, tag or commit; null is the default branch."""
