"""Send requests with retries, a budget and a durable log.

Runs wherever there is an event loop: in the sender's process for a provider, in this one for a local model.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from models.autointerp.llm_client.budget import Budget
from models.autointerp.llm_client.messages_client import AttemptFailed
from models.autointerp.llm_client.prices import Price
from models.autointerp.llm_client.provider_access import ProviderAccess
from models.autointerp.llm_client.request import Reply, Request
from models.autointerp.llm_client.request_ledger import LedgerAnswer, PendingRequest, RequestLedger

ATTEMPTS = 6
FIRST_FAILURES = 3
"""So many requests may fail before one was answered; later, twice as many in a row as are under way at once."""


class ProviderDown(ValueError):
    """Requests fail one after the other, so no more were sent. Read the error, mend it, materialize again."""


class Transport(Protocol):
    """Whoever answers: one method."""

    async def send(self, body: dict) -> tuple[Reply, str | None]:
        """One attempt: the reply and the provider's name for it. Raises AttemptFailed where it ended without one."""
        ...


@dataclass(frozen=True, slots=True)
class SpendingTerms:
    """On whose account an LLM is asked, at which price, and how far."""

    llm: str
    payer: str
    price: Price
    limit_usd: float
    concurrency: int
    """Requests that are with the provider at once."""


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class RequestQueue:
    """Asks a request until it is answered, cannot be, or may not be."""

    def __init__(self, provider: Transport, ledger: RequestLedger, terms: SpendingTerms, access: ProviderAccess):
        self._provider, self._ledger, self._terms, self._access = provider, ledger, terms, access
        self._budget = Budget(terms.limit_usd, ledger.spent_usd(terms.payer))
        self._failed_in_a_row = 0
        self._answered = False
        self._first = asyncio.Lock()
        self._places = asyncio.Semaphore(terms.concurrency)
        self._under_way: dict[str, asyncio.Task[LedgerAnswer]] = {}
        """By key: two that ask the same are one question."""
        self.closing = asyncio.Event()
        """Once set, no more attempts are begun."""

    async def ask(self, request: Request) -> LedgerAnswer:
        """The answer in the ledger, or else the provider's; one that could not be had says why in its status.

        Requests go one at a time until the provider has answered once, so that a wrong key costs one request.

        Raises:
            KeyRefused, UnknownLLM: At the first such answer.
            ProviderDown: If requests fail one after the other.
        """
        if request.key in self._ledger.answers:
            return self._ledger.answers[request.key]
        if request.key not in self._under_way:
            task = self._under_way[request.key] = asyncio.create_task(self._asked_first(request))
            task.add_done_callback(lambda _: self._under_way.pop(request.key))
        return await asyncio.shield(self._under_way[request.key])

    async def _asked_first(self, request: Request) -> LedgerAnswer:
        """Alone, as long as nothing was answered yet."""
        if not self._answered:
            async with self._first:
                if not self._answered:
                    return await self._asked(request)
        return await self._asked(request)

    async def _asked(self, request: Request) -> LedgerAnswer:
        terms, ledger = self._terms, self._ledger
        answer = LedgerAnswer(request.key, request.purpose, terms.payer, terms.llm, "failed")
        answer = replace(answer, sent_bytes=request.text_bytes, picture_tokens=request.picture_tokens)
        worst_usd = request.worst_usd(terms.price)
        for number in range(ATTEMPTS):
            if not await self._budget.reserve(worst_usd):
                return replace(answer, status="over_budget", error=self._budget.refusal(worst_usd))
            before = ledger.sent(request.key, terms.payer)
            sent = PendingRequest(request.key, terms.payer, before.attempts + 1, before.at_risk_usd + worst_usd)
            await ledger.keep(sent)
            answer = replace(answer, attempts=sent.attempts, at_risk_usd=before.at_risk_usd, sent_at=now())
            try:
                reply, request_id = await self._sent(request)
            except AttemptFailed as ended:
                lost_usd = worst_usd if ended.at_risk else 0.0
                await ledger.keep(replace(sent, at_risk_usd=before.at_risk_usd + lost_usd))
                await self._budget.settle(worst_usd, lost_usd)
                answer = replace(answer, error=str(ended))
                if not ended.again:
                    break
                if number + 1 < ATTEMPTS:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self.closing.wait(), ended.delay(number, self._access))
            else:
                answer = answered(answer, reply, request_id, terms.price)
                await ledger.keep(answer)
                await self._budget.settle(worst_usd, answer.cost_usd)
                self._answered, self._failed_in_a_row = True, 0
                return answer
        self._count_failure(answer)
        return answer

    async def _sent(self, request: Request) -> tuple[Reply, str | None]:
        async with self._places:
            if self.closing.is_set():
                raise AttemptFailed("nobody waits for it any more", False, False)
            return await self._provider.send(request.body)

    def _count_failure(self, answer: LedgerAnswer) -> None:
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= (2 * self._terms.concurrency if self._answered else FIRST_FAILURES):
            raise ProviderDown(
                f"{self._failed_in_a_row} requests to {self._terms.llm} in a row failed, {answer.attempts} attempts at "
                f"the last one, which ended with: {answer.error}. What was answered before is kept; materialize again "
                "when this is mended"
            )


def answered(
    answer: LedgerAnswer, reply: Reply, request_id: str | None, price: Price, batch_id: str | None = None
) -> LedgerAnswer:
    """An answer with what the reply says and costs."""
    counts = reply.usage.counts
    cost = price.cost(**counts, batched=batch_id is not None)
    said = replace(answer, status=reply.status, text=reply.text, error=None, request_id=request_id, batch_id=batch_id)
    return replace(said, **counts, cost_usd=cost, answered_at=now())
