"""Features, trials or labels in blocks, so that memory is bounded."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def blocks(items: Iterable[Item], n: int) -> Iterator[list[Item]]:
    """In order, n to a block; the last may have fewer."""
    rest = iter(items)
    while block := list(islice(rest, n)):
        yield block
