"""What may stand in a card: every field with its type, default and meaning, from the classes themselves."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel


def card_fields(kind: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """(key, type, default, meaning) of every field, inner cards unfolded."""
    for name, field in kind.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from card_fields(inner, f"{prefix}{name}.")
            continue
        name = field.alias or name
        default = "(required)" if field.is_required() else str(field.default)
        yield f"{prefix}{name}", _spelled(inner), default, " ".join((field.description or "").split())


def _spelled(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "").replace("Literal", "one of ")
