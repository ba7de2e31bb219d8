"""What every validated setting of a card is."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A frozen value that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
