"""What may stand in a card: its keys, and the sections that they lie in, from the classes themselves."""

from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def card_keys(kind: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The key of every field, such as `training.tokens`; sections unfolded."""
    for name, field in kind.model_fields.items():
        key, section = f"{prefix}{field.alias or name}", section_of(field)
        yield from card_keys(section, f"{key}.") if section else [key]


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section that stands at a field; None where there is another value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
