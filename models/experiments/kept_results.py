"""Intermediate results of a method that takes all prompts together: a killed run finds those that it had."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")
TOGETHER = 32
"""Prompts whose activations are kept as one result."""


class KeptResults(Protocol):
    """Results by name, of one experiment of one identity."""

    def result(self, name: str, make: Callable[[], T]) -> T:
        """What was kept under a name, or what `make` gives, which is then kept: tensors, numbers and texts, in lists
        and dictionaries."""
        ...


class NothingKept:
    """Makes everything anew, as where a question is asked by hand."""

    def result(self, name: str, make: Callable[[], T]) -> T:
        return make()


def pieces(n: int) -> Iterator[tuple[str, slice]]:
    """Names and places of so many prompts that are kept together."""
    return ((f"{start}", slice(start, start + TOGETHER)) for start in range(0, n, TOGETHER))
