"""Asks many questions at once at half the price: Message Batches, which the provider answers within a day.

Questions gather until all that is asked for waits for an answer; then they leave together. What is known of a batch is
in the ledger before and after it leaves, so that a run that is killed at any moment finds its batches again: by their
id, or, when it died before it heard the id, among those that the provider made since.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from models.autointerp.llm_client.batch_api import BatchAPI, BatchResult
from models.autointerp.llm_client.budget import Budget
from models.autointerp.llm_client.messages_client import AttemptFailed, Provider
from models.autointerp.llm_client.prices import price_of
from models.autointerp.llm_client.provider_access import ProviderAccess
from models.autointerp.llm_client.request import Request
from models.autointerp.llm_client.request_ledger import LedgerAnswer, PendingBatch, RequestLedger
from models.autointerp.llm_client.request_queue import ATTEMPTS, ProviderDown, SpendingTerms, answered, now

MOST_REQUESTS = 10_000
MOST_BYTES = 64_000_000
"""Of one batch: well below what the provider takes (100,000 and 256 MB), so that little waits for much."""
STORED_TOGETHER = 500
ROUNDS = 3
"""So often is a request sent in a batch before it is given up."""


@dataclass(slots=True)
class _Asked:
    request: Request
    answer: asyncio.Future[LedgerAnswer]
    worst_usd: float
    rounds: int = 0


class BatchQueue:
    """Gathers questions and asks them in batches."""

    def __init__(self, provider: Provider, ledger: RequestLedger, terms: SpendingTerms, access: ProviderAccess):
        self._api, self._ledger, self._terms, self._access = BatchAPI(provider), ledger, terms, access
        self._budget = Budget(terms.limit_usd, ledger.spent_usd(terms.payer))
        self._gathered: dict[str, _Asked] = {}
        self._all: dict[str, _Asked] = {}
        self._bytes = 0
        self._creating = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken: BaseException | None = None

    async def resume(self) -> None:
        """Fetches what earlier runs of this payer left with the provider; afterwards it is in the ledger."""
        for batch in [b for b in self._ledger.batches.values() if b.payer == self._terms.payer]:
            found = batch if batch.batch_id else await self._lost(batch)
            if found is not None:
                await self._collected(found)
            await self._ledger.keep(replace(batch, done=True))
        self._budget = Budget(self._terms.limit_usd, self._ledger.spent_usd(self._terms.payer))

    async def ask(self, request: Request) -> LedgerAnswer:
        """As `Line.ask`; returns when a batch with the question has ended, after `flush` or when one is full."""
        if request.key in self._ledger.answers:
            return self._ledger.answers[request.key]
        if self._broken:
            raise self._broken
        if request.key not in self._all:
            if len(self._gathered) == MOST_REQUESTS or self._bytes + request.n_bytes > MOST_BYTES:
                self.flush()
            worst_usd = request.worst_usd(self._terms.price, batched=True)
            asked = _Asked(request, asyncio.get_running_loop().create_future(), worst_usd)
            self._gathered[request.key] = self._all[request.key] = asked
            self._bytes += request.n_bytes
        return await asyncio.shield(self._all[request.key].answer)

    def flush(self) -> None:
        """Sends what has gathered: nothing more comes before an answer does."""
        some, self._gathered, self._bytes = list(self._gathered.values()), {}, 0
        if some:
            task = asyncio.create_task(self._carried_out(some))
            self._tasks.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, AttemptFailed):
                error = ProviderDown(f"batches of {self._terms.llm}: {error}. Materialize again when this is mended")
            self._broken = error
            for asked in self._all.values():
                if not asked.answer.done():
                    asked.answer.set_exception(error)

    async def _carried_out(self, some: Sequence[_Asked]) -> None:
        """Sends some questions, as many at a time as the budget holds, until each is answered or given up."""
        while some:
            affordable = await self._affordable(some)
            left = some[len(affordable) :]
            if not affordable:
                for asked in left:
                    self._end(asked, "over_budget", self._budget.refusal(asked.worst_usd))
                return
            some = [*await self._sent(affordable), *left]

    async def _affordable(self, some: Sequence[_Asked]) -> list[_Asked]:
        """The first of them that the budget has room for; their worst case is then reserved."""
        taken: list[_Asked] = []
        for asked in some:
            if taken and not self._budget.fits(asked.worst_usd):
                break
            if not await self._budget.reserve(asked.worst_usd):
                break
            taken.append(asked)
        return taken

    async def _sent(self, some: Sequence[_Asked]) -> list[_Asked]:
        """Sends one batch and waits for it; returns the questions to send once more."""
        by_key = {asked.request.key: asked for asked in some}
        batch = await self._created(by_key)
        endings = await self._collected(batch) if isinstance(batch, PendingBatch) else {}
        if isinstance(batch, PendingBatch):
            await self._ledger.keep(replace(batch, done=True))
        again: list[_Asked] = []
        for key, asked in by_key.items():
            answer = self._ledger.answers.get(key)
            await self._budget.settle(asked.worst_usd, answer.cost_usd if answer else 0.0)
            asked.rounds += 1
            ending = endings.get(key) or BatchResult(
                key, "failed", error=batch if isinstance(batch, str) else "no result"
            )
            if answer is not None:
                self._settle(asked, answer)
            elif ending.again and asked.rounds < ROUNDS:
                again.append(asked)
            else:
                self._end(asked, ending.status, ending.error or "")
        return again

    def _end(self, asked: _Asked, status: str, why: str) -> None:
        """An end without an answer."""
        terms, request = self._terms, asked.request
        answer = LedgerAnswer(
            request.key, request.purpose, terms.payer, terms.llm, status, error=why, attempts=asked.rounds
        )
        self._settle(asked, replace(answer, sent_at=now()) if asked.rounds else answer)

    def _settle(self, asked: _Asked, answer: LedgerAnswer) -> None:
        self._all.pop(asked.request.key, None)
        if not asked.answer.done():
            asked.answer.set_result(answer)

    async def _created(self, by_key: dict[str, _Asked]) -> PendingBatch | str:
        """Hands the questions over, or says why that failed; none is lost and none sent twice, wherever the run is
        killed."""
        llm, payer = self._terms.llm, self._terms.payer
        async with self._creating:  # one at a time: what is newer than the newest before is then this one
            purposes = {key: asked.request.purpose for key, asked in by_key.items()}
            batch = PendingBatch(uuid4().hex, payer, llm, purposes, await self._api.newest())
            sent = [replace(s, attempts=s.attempts + 1) for s in (self._ledger.sent(key, payer) for key in by_key)]
            await self._ledger.keep(batch, *sent)
            bodies = {key: asked.request.body for key, asked in by_key.items()}
            for number in range(ATTEMPTS):
                try:
                    made = replace(batch, batch_id=await self._api.create(llm, bodies))
                    await self._ledger.keep(made)
                    return made
                except AttemptFailed as ended:
                    why = str(ended)
                    if ended.at_risk and (found := await self._lost(batch)):
                        return found
                    if not ended.again or number + 1 == ATTEMPTS:
                        break
                    await asyncio.sleep(ended.delay(number, self._access))
            await self._ledger.keep(replace(batch, done=True))
            return why

    async def _lost(self, batch: PendingBatch) -> PendingBatch | None:
        """A batch that left while nobody was there to hear its id, if it did leave."""
        known = {other.batch_id for other in self._ledger.batches.values()}
        async for made in self._api.newest_first():
            if made.batch_id == batch.newest_before:
                return None
            if made.batch_id not in known and made.n_requests in (0, len(batch.purposes)):
                await self._api.ended(made.batch_id)
                async for outcome in self._api.outcomes(made.batch_id):
                    if outcome.key in batch.purposes:
                        found = replace(batch, batch_id=made.batch_id)
                        await self._ledger.keep(found)
                        return found
                    break
        return None

    async def _collected(self, batch: PendingBatch) -> dict[str, BatchResult]:
        """Waits for a batch and stores its answers, which come in any order, some at a time; returns the other ends."""
        assert batch.batch_id is not None
        await self._api.ended(batch.batch_id)
        endings: dict[str, BatchResult] = {}
        some: dict[str, LedgerAnswer] = {}
        async for outcome in self._api.outcomes(batch.batch_id):
            if outcome.reply is not None and outcome.key in batch.purposes:
                some[outcome.key] = self._answer(outcome, batch)
            else:
                endings[outcome.key] = outcome
            if len(some) >= STORED_TOGETHER:
                await self._ledger.keep(*some.values())
                some.clear()
        await self._ledger.keep(*some.values())
        return endings

    def _answer(self, outcome: BatchResult, batch: PendingBatch) -> LedgerAnswer:
        key, sent = outcome.key, self._ledger.sent(outcome.key, batch.payer)
        asked = self._all.get(key)
        bare = LedgerAnswer(key, batch.purposes[key], batch.payer, batch.llm, "failed", sent_at=now())
        assert outcome.reply is not None
        if asked is not None:
            sizes = asked.request.text_bytes, asked.request.picture_tokens
            bare = replace(bare, sent_bytes=sizes[0], picture_tokens=sizes[1])
        bare = replace(bare, attempts=max(1, sent.attempts), at_risk_usd=sent.at_risk_usd)
        return answered(bare, outcome.reply, None, price_of(batch.llm), batch.batch_id)
