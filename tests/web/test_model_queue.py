"""Questions to models wait in a queue of their own: one at a time, in their order, and who leaves frees a place."""

import asyncio
import threading

import pytest

from web.model_queue import MOST_WAITING, Busy, HasLeft, ModelQueue


async def never() -> bool:
    return False


class Gate:
    """A question that is answered when it is told to, and notes how many are worked on at once."""

    def __init__(self) -> None:
        self.go, self.begun = threading.Event(), threading.Event()
        self.running = self.most = 0

    def __call__(self, report) -> str:
        self.running += 1
        self.most = max(self.most, self.running)
        self.begun.set()
        report("worked on")
        assert self.go.wait(30)
        self.running -= 1
        return "answered"


def test_questions_are_answered_one_at_a_time_and_no_more_wait_than_may():
    gate = Gate()

    async def ask() -> list[str]:
        queue = ModelQueue()
        asked = [asyncio.ensure_future(queue.run(gate, never)) for _ in range(1 + MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match=r"busy: 16 questions wait .* yours would be number 17"):
            await queue.run(gate, never)
        gate.go.set()
        return await asyncio.gather(*asked)

    assert asyncio.run(ask()) == ["answered"] * (1 + MOST_WAITING)
    assert gate.most == 1


def test_who_waits_hears_the_place_and_then_what_is_done():
    gate, heard = Gate(), []

    async def ask() -> None:
        queue = ModelQueue()
        first, second = queue.join(gate), queue.join(lambda report: report("second") or "done")
        gate.begun.wait(30)

        async for said in queue.progress(second, never):
            heard.append(said)
            gate.go.set()
        assert (first.answer.result(), second.answer.result()) == ("answered", "done")

    asyncio.run(ask())
    assert heard[0] == "busy: 1 question of others before yours"


def test_who_leaves_frees_the_place_at_once_and_ends_the_work_at_its_next_report():
    gate, reported = Gate(), []

    def long(report) -> str:
        gate.begun.set()
        gate.go.wait(30)
        try:
            report("half way")
        except HasLeft:
            reported.append("ended")
            raise
        return "answered in vain"

    async def ask() -> None:
        queue = ModelQueue(most_waiting=1)
        has_left = False

        async def left() -> bool:
            return has_left

        working = asyncio.ensure_future(queue.run(long, never))
        gone = asyncio.ensure_future(queue.run(lambda report: reported.append("asked for nobody"), left))
        await asyncio.to_thread(gate.begun.wait, 30)
        with pytest.raises(Busy):
            queue.join(gate)
        has_left = True
        with pytest.raises(HasLeft):
            await gone
        last = queue.join(lambda report: "the place was free")
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        gate.go.set()
        async for _ in queue.progress(last, never):
            pass
        assert last.answer.result() == "the place was free"

    asyncio.run(ask())
    assert reported == ["ended"]


def test_an_error_is_that_of_who_asked_and_the_queue_goes_on():
    def wrong(report) -> str:
        raise ValueError("not this")

    async def ask() -> str:
        queue = ModelQueue()
        with pytest.raises(ValueError, match="not this"):
            await queue.run(wrong, never)
        return await queue.run(lambda report: "the next", never)

    assert asyncio.run(ask()) == "the next"
