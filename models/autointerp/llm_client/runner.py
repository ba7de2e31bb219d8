"""Carries out jobs that ask an LLM, a few at a time or all in batches, and returns what they found."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from models.autointerp.llm_client.batch_queue import BatchQueue
from models.autointerp.llm_client.messages_client import AttemptFailed, Provider
from models.autointerp.llm_client.prices import FREE, Price
from models.autointerp.llm_client.provider_access import ProviderAccess
from models.autointerp.llm_client.request import Request
from models.autointerp.llm_client.request_ledger import LedgerAnswer, RequestLedger
from models.autointerp.llm_client.request_queue import ProviderDown, RequestQueue, SpendingTerms, Transport
from models.autointerp.llm_client.sender_process import BatchesOutstanding, sending
from models.autointerp.progress import Progress, no_progress
from storage.folder import Folder
from storage.process_lock import process_lock

Result = TypeVar("Result")
Ask = Callable[[Request], Awaitable[LedgerAnswer]]
AskingJob = Callable[[Ask], Awaitable[Result]]

AHEAD = 2
"""Jobs begun for each request that may be with the provider: while some wait for it, others are written down."""
GATHERED = 50_000
"""Jobs that are begun at once when answers come in batches."""


class LLM(Protocol):
    """Whoever answers questions: a provider's model, one on this machine, or a plan that only counts them."""

    @property
    def name(self) -> str: ...

    @property
    def price(self) -> Price: ...

    def run(self, jobs: Sequence[AskingJob[Result]], progress: Progress = no_progress) -> list[Result]: ...


@dataclass(frozen=True)
class ProviderLLM:
    """An LLM at a provider that speaks the Messages protocol, asked within one budget by one payer; every answer is in
    the ledger before it is used."""

    terms: SpendingTerms
    ledger: Folder
    access: ProviderAccess
    batch: bool

    @property
    def name(self) -> str:
        return self.terms.llm

    @property
    def price(self) -> Price:
        return self.terms.price

    def run(self, jobs: Sequence[AskingJob[Result]], progress: Progress = no_progress) -> list[Result]:
        """Carries out jobs that ask questions, and returns what they return, in their order.

        Raises:
            KeyRefused, UnknownLLM: At the first such answer.
            ProviderDown: If requests fail one after the other.
            SenderDied: If the process that asks was ended.
        """
        if not jobs:
            return []
        return asyncio.run(self._in_batches(jobs, progress) if self.batch else self._live(jobs, progress))

    async def _live(self, jobs: Sequence[AskingJob[Result]], progress: Progress) -> list[Result]:
        try:
            return await self._one_by_one(jobs, progress)
        except BatchesOutstanding:  # the recipe said `batch` when it was last run: what left then is not asked again
            async with self._batching():
                pass
            return await self._one_by_one(jobs, progress)

    async def _one_by_one(self, jobs: Sequence[AskingJob[Result]], progress: Progress) -> list[Result]:
        async with sending(self.ledger, self.terms, self.access) as line:
            return await run_concurrently(jobs, line.ask, AHEAD * self.terms.concurrency, progress)

    async def _in_batches(self, jobs: Sequence[AskingJob[Result]], progress: Progress) -> list[Result]:
        async with self._batching() as line:
            results: list[Result] = []
            for first in range(0, len(jobs), GATHERED):
                some = jobs[first : first + GATHERED]
                done = len(results)
                results += await _run_in_batches(some, line, lambda n, _, done=done: progress(done + n, len(jobs)))
            return results

    @asynccontextmanager
    async def _batching(self) -> AsyncIterator[BatchQueue]:
        """A line for batches, once what earlier runs left with the provider is fetched."""
        with process_lock(self.ledger.url, self.access.timeout):
            async with Provider(self.access) as provider:
                line = BatchQueue(provider, RequestLedger.open(self.ledger), self.terms, self.access)
                try:
                    await line.resume()
                except AttemptFailed as error:
                    raise ProviderDown(
                        f"batches of {self.name}: {error}. Materialize again when this is mended"
                    ) from error
                yield line


@dataclass(frozen=True)
class LocalLLM:
    """An LLM in this process: free, one question at a time, its answers in the ledger all the same."""

    name: str
    provider: Transport
    payer: str
    ledger: Folder
    price: Price = FREE

    def run(self, jobs: Sequence[AskingJob[Result]], progress: Progress = no_progress) -> list[Result]:
        """As `ProviderLLM.run`."""
        return asyncio.run(self._run(jobs, progress))

    async def _run(self, jobs: Sequence[AskingJob[Result]], progress: Progress) -> list[Result]:
        access = ProviderAccess()
        with process_lock(self.ledger.url, access.timeout):
            terms = SpendingTerms(self.name, self.payer, self.price, 0.0, 1)
            line = RequestQueue(self.provider, RequestLedger.open(self.ledger), terms, access)
            return await run_concurrently(jobs, line.ask, 1, progress)


async def run_concurrently(jobs: Sequence[AskingJob[Result]], ask: Ask, n: int, progress: Progress) -> list[Result]:
    """Carries out jobs, n at a time; the first that fails ends all."""
    results: dict[int, Result] = {}
    numbers = iter(range(len(jobs)))

    async def work() -> None:
        for number in numbers:
            results[number] = await jobs[number](ask)
            progress(len(results), len(jobs))

    async with _first_error(), asyncio.TaskGroup() as group:
        for _ in range(min(n, len(jobs))):
            group.create_task(work())
    return [results[number] for number in range(len(jobs))]


async def _run_in_batches(jobs: Sequence[AskingJob[Result]], line: BatchQueue, progress: Progress) -> list[Result]:
    """Carries out jobs all at once; whenever each that is not done waits for an answer, what they asked is sent."""
    results: dict[int, Result] = {}
    running = len(jobs)

    def pause(by: int) -> None:
        nonlocal running
        running += by
        if running == 0:
            line.flush()

    async def ask(request: Request) -> LedgerAnswer:
        waits = asyncio.ensure_future(line.ask(request))
        await asyncio.sleep(0)
        pause(-1)
        try:
            return await waits
        finally:
            pause(+1)

    async def work(number: int) -> None:
        results[number] = await jobs[number](ask)
        progress(len(results), len(jobs))
        pause(-1)

    async with _first_error(), asyncio.TaskGroup() as group:
        for number in range(len(jobs)):
            group.create_task(work(number))
    return [results[number] for number in range(len(jobs))]


@asynccontextmanager
async def _first_error() -> AsyncIterator[Any]:
    """Out of a group of errors, one: those of jobs that wait for the same provider say the same."""
    try:
        yield
    except ExceptionGroup as several:
        first: BaseException = several
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
