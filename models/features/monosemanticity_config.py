"""How many images the monosemanticity of a vision model's features is measured on."""

from typing import Annotated

from models.bounds import Bounds
from models.config_base import MethodSettings


class MonosemanticitySettings(MethodSettings):
    """How alike the images are in which features of a vision model fire."""

    section = "monosemanticity"

    max_images: Annotated[int, Bounds(2, 1_000_000)] = 10_000
    """Images that are compared, at most; of more, those whose names' hashes come first. Each takes a forward pass, and
    memory for all features that fire in it."""
