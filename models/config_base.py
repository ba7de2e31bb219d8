"""What every validated setting of a card is, and the section that a method brings to the recipe card."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A frozen value that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class MethodSettings(Settings):
    """A section of the recipe card, found in a file `*_config.py` of `models/`.

    Every setting has a default: a recipe that does not name the section means the defaults. Which settings a stage
    depends on, its identity says.
    """

    section: ClassVar[str]
    """The section's key in a recipe."""
