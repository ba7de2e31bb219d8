"""Numbers in a card: whole or not, and between which two they lie."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from pydantic import BeforeValidator, GetCoreSchemaHandler


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an `int` or `float` of a card may be, both ends included: `Annotated[int, Bounds(1, 50)]`.

    Neither true nor false, no text, no infinity and no NaN is a number here.
    """

    low: float
    high: float

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> Any:
        def checked(value: Any) -> Any:
            if not self._holds(value) or (kind is int and value != int(value)):
                raise ValueError(f"wanted a {_NOUNS[kind]} {self}")
            return kind(value)

        return handler.generate_schema(Annotated[kind, BeforeValidator(checked)])

    def __str__(self) -> str:
        return f"from {_spelled(self.low)} to {_spelled(self.high)}"

    def _holds(self, value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high


Fraction = Annotated[float, Bounds(0, 1)]
MOST_FEATURES = 2**27
"""As many as the largest dictionaries have, four times over."""
FeatureCount = Annotated[int, Bounds(1, MOST_FEATURES)]
FeatureNumber = Annotated[int, Bounds(0, MOST_FEATURES - 1)]
"""Number of a feature in its dictionary, or of a channel."""
TokenCount = Annotated[int, Bounds(1, 10**13)]
"""As many tokens as the largest models were trained with."""


def number_bounds(kind: Any, marks: Iterable[Any] = ()) -> Iterator[Bounds | None]:
    """The bounds of every number in an annotation, within unions and lists too; None for a number without any."""
    if get_origin(kind) is Annotated:
        kind, *marks = get_args(kind)
    if kind in (int, float):
        yield next((mark for mark in marks if isinstance(mark, Bounds)), None)
    for part in get_args(kind):
        yield from number_bounds(part)


_NOUNS = {int: "whole number", float: "number"}


def _spelled(number: float) -> str:
    """Equal numbers alike: `typing` holds one of two equal annotations, 1000 and 1e3, whichever came first."""
    return f"{int(number):,}" if float(number).is_integer() else f"{number:g}"
