"""Features or trials in blocks whose windows are laid out together."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

BLOCK = 512
Item = TypeVar("Item")


def blocks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[i : i + BLOCK] for i in range(0, len(items), BLOCK))
