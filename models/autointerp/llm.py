"""Asks an LLM: through the ledger, within the budget, a few at a time, again where that may help."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from models.autointerp.budget import Budget
from models.autointerp.ledger import Answer, Ledger, Sent
from models.autointerp.messages import NoAnswer, Provider, check_access
from models.autointerp.prices import Price, price_of
from models.autointerp.request import Reply, Request
from models.autointerp.rows import Progress, silent
from models.settings import ExplanationSettings

ATTEMPTS = 6
FIRST_FAILURES = 3
"""So many requests may fail before one was answered; later, twice as many in a row as are under way at once."""

Result = TypeVar("Result")
Ask = Callable[[Request], Awaitable[Answer]]
Job = Callable[[Ask], Awaitable[Result]]


class ProviderDown(ValueError):
    """Requests fail one after the other, so no more were sent. Read the error, mend it, materialize again."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class LLM:
    """One LLM, asked within one budget by one payer; every answer is in the ledger before it is used."""

    def __init__(self, settings: ExplanationSettings, ledger: Ledger, payer: str):
        if settings.llm is None or settings.budget_usd is None:
            raise ValueError(f"llm={settings.llm!r}, budget_usd={settings.budget_usd!r}: asking an LLM takes both")
        check_access(settings)
        self.name = settings.llm
        self.payer = payer
        self.ledger = ledger
        self._limit_usd = settings.budget_usd
        self._concurrency = settings.concurrency

    def run(self, jobs: Sequence[Job[Result]], progress: Progress = silent) -> list[Result]:
        """Carries out jobs that ask questions, and returns what they return, in their order.

        The jobs go one at a time until the provider has answered once, so that a wrong key costs one request; then
        `concurrency` at a time.

        Raises:
            KeyRefused, UnknownLLM: At the first such answer.
            ProviderDown: If requests fail one after the other.
        """
        return asyncio.run(self._run(jobs, progress))

    async def _run(self, jobs: Sequence[Job[Result]], progress: Progress) -> list[Result]:
        results: dict[int, Result] = {}
        budget = Budget(self._limit_usd, self.ledger.spent_usd(self.payer))
        places = asyncio.Semaphore(self._concurrency)
        async with Provider() as provider:
            line = _Line(provider, self, budget, 2 * self._concurrency)

            async def one(number: int) -> None:
                async with places:
                    results[number] = await jobs[number](line.ask)
                progress(len(results), len(jobs))

            try:
                while len(results) < len(jobs) and not line.answered:
                    await one(len(results))
                async with asyncio.TaskGroup() as group:
                    for number in range(len(results), len(jobs)):
                        group.create_task(one(number))
            except ExceptionGroup as several:
                raise several.exceptions[0] from several
        return [results[number] for number in range(len(jobs))]


class _Line:
    """Asks a request until it is answered, cannot be, or may not be."""

    def __init__(self, provider: Provider, llm: LLM, budget: Budget, failures: int):
        self._provider, self._llm, self._budget, self._failures = provider, llm, budget, failures
        self._price: Price = price_of(llm.name)
        self._failed_in_a_row = 0
        self.answered = False

    async def ask(self, request: Request) -> Answer:
        """The answer in the ledger, or else the provider's; one that could not be had says why in its status."""
        ledger = self._llm.ledger
        if request.key in ledger.answers:
            return ledger.answers[request.key]
        answer = Answer(request.key, request.purpose, self._llm.payer, self._llm.name, "failed")
        worst_usd = request.worst_usd(self._price)
        for number in range(ATTEMPTS):
            if not await self._budget.reserve(worst_usd):
                return replace(answer, status="over_budget", error=self._refusal(worst_usd))
            before = ledger.sent(request.key, self._llm.payer)
            sent = Sent(self._llm.payer, before.attempts + 1, before.at_risk_usd + worst_usd)
            await asyncio.to_thread(ledger.note, request.key, sent)
            answer = replace(answer, attempts=sent.attempts, at_risk_usd=before.at_risk_usd, sent_at=_now())
            try:
                reply, request_id = await self._provider.send(request.body)
            except NoAnswer as ended:
                lost_usd = worst_usd if ended.at_risk else 0.0
                await asyncio.to_thread(
                    ledger.note, request.key, replace(sent, at_risk_usd=before.at_risk_usd + lost_usd)
                )
                await self._budget.settle(worst_usd, lost_usd)
                answer = replace(answer, error=str(ended))
                if not ended.again:
                    break
                if number + 1 < ATTEMPTS:
                    await asyncio.sleep(ended.delay(number))
            else:
                answer = self._answered(answer, reply, request_id)
                await asyncio.to_thread(ledger.keep, answer)
                await self._budget.settle(worst_usd, answer.cost_usd)
                self.answered, self._failed_in_a_row = True, 0
                return answer
        self._count_failure(answer)
        return answer

    def _answered(self, answer: Answer, reply: Reply, request_id: str | None) -> Answer:
        tokens = {"input_tokens": reply.usage.input_tokens, "output_tokens": reply.usage.output_tokens}
        said = replace(answer, status=reply.status, text=reply.text, error=None, request_id=request_id, **tokens)
        return replace(said, cost_usd=self._price.cost(**tokens), answered_at=_now())

    def _refusal(self, worst_usd: float) -> str:
        spent, limit = self._budget.spent_usd, self._budget.limit_usd
        return f"may cost up to ${worst_usd:.4f}, and ${spent:.4f} of the budget of ${limit:.4f} are spent"

    def _count_failure(self, answer: Answer) -> None:
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= (self._failures if self.answered else FIRST_FAILURES):
            raise ProviderDown(
                f"{self._failed_in_a_row} requests to {self._llm.name} in a row failed, {answer.attempts} attempts at "
                f"the last one, which ended with: {answer.error}. What was answered before is kept; materialize again "
                "when this is mended"
            )
