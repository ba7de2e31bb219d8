"""A sum in pairs: which is added to which depends on the number of terms alone, not on who adds them.

Sums of float64 differ in their last digits by the order of the terms. Here terms 2i and 2i + 1 make a pair, pairs make
fours, and so on: a run of terms that begins at a multiple of a power of two, and is as long, is a subtree, and may be
added up elsewhere. At most log2(n) sums are held.
"""

from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar


class Addable(Protocol):
    """A value with a plus."""

    def __add__(self, other: Any, /) -> Any: ...


T = TypeVar("T", bound=Addable)


@dataclass
class PairwiseSum(Generic[T]):
    """Terms that come in order, as subtrees of falling size."""

    _subtrees: list[tuple[int, T]] = field(default_factory=list)
    """Level and sum; a subtree of level l holds 2**l terms, the last one perhaps fewer."""

    def add(self, term: T) -> None:
        level = 0
        while self._subtrees and self._subtrees[-1][0] == level:
            term, level = self._subtrees.pop()[1] + term, level + 1
        self._subtrees.append((level, term))

    def total(self) -> T:
        """The sum of what was added, which may go on afterwards.

        Raises:
            ValueError: If nothing was.
        """
        if not self._subtrees:
            raise ValueError("a sum in pairs wants one term at least")
        total = self._subtrees[-1][1]
        for _, subtree in reversed(self._subtrees[:-1]):
            total = subtree + total
        return total


def block_size(n: int, most: int) -> int:
    """The smallest power of two by which n terms make at most so many blocks, each of them a subtree."""
    size = 1
    while -(-n // size) > most:
        size *= 2
    return size
