"""What every validated setting of a card is, and the section that a method brings to the recipe card."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from models.bounds import number_bounds

LONGEST_TEXT = 4_096
"""Characters of a text in a card: as many as a path may have."""


class Settings(BaseModel):
    """A frozen value that refuses unknown keys, numbers out of bounds and texts that are longer than a path."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, str_max_length=LONGEST_TEXT
    )

    @classmethod
    def card_class(cls, values: dict[Any, Any]) -> "type[Settings]":
        """The class that a card of these values is read as: this one, unless a value chooses among its subclasses."""
        return cls

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuses a class with a number that may be anything.

        Raises:
            TypeError: Naming the fields.
        """
        super().__pydantic_init_subclass__(**kwargs)
        fields = cls.model_fields.items()
        if unbounded := [name for name, field in fields if None in number_bounds(field.annotation, field.metadata)]:
            raise TypeError(
                f"{cls.__name__}: {', '.join(unbounded)} may be any number: say Annotated[int, Bounds(1, 100)] "
                "(models/bounds.py)"
            )


class MethodSettings(Settings):
    """A section of the recipe card, found in a file `*_config.py` of `models/`.

    Every setting has a default: a recipe that does not name the section means the defaults. Which settings a stage
    depends on, its identity says.
    """

    section: ClassVar[str]
    """The section's key in a recipe."""
