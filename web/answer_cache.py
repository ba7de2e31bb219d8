"""LRU cache with single flight: concurrent requests for one answer wait for the first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

A = TypeVar("A")


class AnswerCache(Generic[A]):
    """The last so many; the one that was not asked for longest goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._turn = Lock()
        self._kept: OrderedDict[Hashable, Future[A]] = OrderedDict()

    def get(self, question: Hashable, find: Callable[[], A]) -> A:
        """The answer, found by this thread where no other began to; an error goes to all who wait and is not kept."""
        with self._turn:
            answer = self._kept.get(question)
            is_first = answer is None
            if answer is None:
                answer = self._kept[question] = Future[A]()
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            else:
                self._kept.move_to_end(question)
        if is_first:
            try:
                answer.set_result(find())
            except BaseException as error:
                answer.set_exception(error)
                with self._turn:
                    if self._kept.get(question) is answer:
                        del self._kept[question]
        return answer.result()
