"""Work of a thread beside that of another: the next item of an iterator is made while this one is used."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def look_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The same items in the same order; each is made by a thread as soon as the one before is given.

    The thread has ended when the last item was given, when an error was raised, or when this iterator is closed, which
    waits for the item that is being made.

    Args:
        items: Nobody else may read from it any more.

    Raises:
        Exception: What `items` raises, after the items that came before.
    """
    with ThreadPoolExecutor(1, "look-ahead") as thread:
        coming = thread.submit(_next, items)
        while found := coming.result():
            coming = thread.submit(_next, items)
            yield found[0]


def _next(items: Iterator[T]) -> tuple[T] | None:
    for item in items:
        return (item,)
    return None
