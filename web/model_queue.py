"""Questions that need a model: answered one at a time in a thread of their own, so that no page waits for them.

A question is any function that is given a `Report`: reading a text, embedding a search, steering a prompt. The thread
and the queue belong to the server, not to what is asked.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")
Report = Callable[[str], None]
MOST_WAITING = 16
"""Questions that wait for the one that is answered; the next is refused at once."""
LOOK_SECONDS = 0.1
"""How often who waits is told where the question stands, and is looked at whether it is still there."""


async def nobody_leaves() -> bool:
    """Where it cannot be told whether who asked is still there."""
    return False


class Busy(ValueError):
    """Too many questions wait for a model. Ask again in a while."""


class HasLeft(Exception):
    """Nobody waits for the answer any more."""


class Ticket(Generic[T]):
    """A question in the queue: its place, what is done with it, and its answer."""

    def __init__(self) -> None:
        self.stage = ""
        self.has_left = False
        self.answer: Future[T]

    def report(self, stage: str) -> None:
        """Notes what is done next.

        Raises:
            HasLeft: If nobody waits for the answer: whoever works on it stops here.
        """
        if self.has_left:
            raise HasLeft
        self.stage = stage

    def leave(self) -> None:
        """Gives the place in the queue back; an answer that is being found is given up at its next report."""
        self.has_left = True
        self.answer.cancel()


class ModelQueue:
    """Answers questions in the order in which they come."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self.most_waiting = most_waiting
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._tickets: list[Ticket] = []
        self._lock = Lock()

    def join(self, work: Callable[[Report], T]) -> Ticket[T]:
        """A place for a question at the end of the queue.

        Raises:
            Busy: If as many wait already as may.
        """
        ticket = Ticket[T]()
        with self._lock:
            if len(self._tickets) > self.most_waiting:
                raise Busy(
                    f"busy: {self.most_waiting} questions wait for a model already, and yours would be number "
                    f"{self.most_waiting + 1}: send it again in a while"
                )
            self._tickets.append(ticket)
            ticket.answer = self._thread.submit(work, ticket.report)
        ticket.answer.add_done_callback(lambda _: self._forget(ticket))
        return ticket

    def place(self, ticket: Ticket) -> int:
        """How many questions are answered before this one; 0 for the one that is worked on."""
        with self._lock:
            return self._tickets.index(ticket) if ticket in self._tickets else 0

    async def progress(
        self, ticket: Ticket, has_left: Callable[[], Awaitable[bool]] = nobody_leaves
    ) -> AsyncGenerator[str, None]:
        """Sentences about where a question stands, until there is an answer or an error in `ticket.answer`.

        Raises:
            HasLeft: If who asked is no longer there.
        """
        said, answered = "", asyncio.wrap_future(ticket.answer)
        answered.add_done_callback(lambda found: found.cancelled() or found.exception())  # `ticket.answer` has it
        try:
            while not ticket.answer.done():
                if (stands := self._stands(ticket)) != said:
                    said = stands
                    yield said
                await asyncio.wait([answered], timeout=LOOK_SECONDS)
                if await has_left():
                    raise HasLeft
        finally:
            ticket.leave()

    async def run(self, work: Callable[[Report], T], has_left: Callable[[], Awaitable[bool]] = nobody_leaves) -> T:
        """The answer to a question, when its turn has come.

        Args:
            work: Finds the answer; told where to say what is done.
            has_left: Whether who asked is no longer there, such as `request.is_disconnected`.

        Raises:
            Busy: If as many wait already as may.
            HasLeft: If who asked is no longer there.
        """
        ticket = self.join(work)
        async with aclosing(self.progress(ticket, has_left)) as stages:
            async for _ in stages:
                pass
        return ticket.answer.result()

    def _stands(self, ticket: Ticket) -> str:
        if place := self.place(ticket):
            return f"busy: {place} {'question' if place == 1 else 'questions'} of others before yours"
        return ticket.stage or "the model is asked"

    def _forget(self, ticket: Ticket) -> None:
        with self._lock:
            self._tickets.remove(ticket)
