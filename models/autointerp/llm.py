"""Asks an LLM over the Messages protocol: through the ledger, within the budget, a few at a time, again where that may
help.

Attempts are made and counted here and not inside the SDK, because one that ends without an answer may have cost money,
and the ledger has to know.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from models.autointerp.budget import Budget
from models.autointerp.ledger import Answer, Ledger, Sent
from models.autointerp.prices import Price, price_of
from models.autointerp.request import Reply, Request
from models.autointerp.rows import Progress, silent
from models.settings import ExplanationSettings

ATTEMPTS = 6
FIRST_DELAY = 0.5
"""Seconds before the second attempt; doubled each time, up to LAST_DELAY, unless the server says how long to wait."""
LAST_DELAY = 30.0
TIMEOUT = 300.0


class KeyRefused(ValueError):
    """The provider refuses the API key. Nothing can be asked: set another key."""


class MissingKey(ValueError):
    """The recipe asks an LLM and no API key is set. Set one, or choose the lexical explainer and judge."""


class UnknownLLM(ValueError):
    """The provider does not know the LLM, or the key may not use it. Name another."""


class ProviderDown(ValueError):
    """The first requests all failed, so the rest was not sent. Read the error, mend it, materialize again."""


def check_access(settings: ExplanationSettings) -> None:
    """Whether the settings can be carried out, before any work is done.

    Raises:
        MissingKey: If an LLM is to be asked, there is money for it and no key in the environment.
        UnknownPrice: If the LLM has no price.
    """
    if not settings.asks_llm or settings.llm is None:
        return
    price_of(settings.llm)
    if settings.budget_usd and not (os.environ.get("ANTHROPIC_API_KEY") or os.environ.get("ANTHROPIC_AUTH_TOKEN")):
        raise MissingKey(
            f"explainer {settings.explainer!r} and judge {settings.judge!r} ask {settings.llm}, but ANTHROPIC_API_KEY "
            "is not set: set it, or write `explainer: lexical, judge: lexical` in the recipe"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


Result = TypeVar("Result")
Ask = Callable[[Request], Awaitable[Answer]]


class LLM:
    """One LLM at one provider, asked within one budget; every answer is in the ledger before it is used."""

    def __init__(self, settings: ExplanationSettings, ledger: Ledger):
        if settings.llm is None or settings.budget_usd is None:
            raise ValueError(f"llm={settings.llm!r}, budget_usd={settings.budget_usd!r}: asking an LLM takes both")
        check_access(settings)
        self.name = settings.llm
        self._price = price_of(settings.llm)
        self._ledger = ledger
        self._limit_usd = settings.budget_usd
        self._concurrency = settings.concurrency

    def run(self, jobs: Sequence[Callable[[Ask], Awaitable[Result]]], progress: Progress = silent) -> list[Result]:
        """Carries out jobs that ask questions, and returns what they return, in their order.

        The jobs go one at a time until the provider has answered once, so that a wrong key costs one request; then
        `concurrency` at a time.

        Raises:
            KeyRefused, UnknownLLM: At the first such answer.
            ProviderDown: If the first three requests fail, or later twice as many in a row as are under way at once.
        """
        return asyncio.run(self._run(jobs, progress))

    async def _run(self, jobs: Sequence[Callable[[Ask], Awaitable[Result]]], progress: Progress) -> list[Result]:
        results: dict[int, Result] = {}
        places = asyncio.Semaphore(self._concurrency)
        async with _Line(
            self.name, self._price, self._ledger, Budget(self._limit_usd, self._ledger.spent_usd), self._concurrency
        ) as line:

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
    """An open connection: asks one request until it is answered, cannot be, or may not be."""

    def __init__(self, llm: str, price: Price, ledger: Ledger, budget: Budget, concurrency: int):
        self._llm, self._price, self._ledger, self._budget, self._concurrency = llm, price, ledger, budget, concurrency
        self._client: Any = None
        self._failed_in_a_row = 0
        self.answered = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()

    async def ask(self, request: Request) -> Answer:
        """The answer in the ledger, or else the provider's; one that could not be had says why in its status."""
        known = self._ledger.answers.get(request.key)
        if known is not None:
            return known
        answer = Answer(request.key, request.purpose, self._llm, "failed")
        worst_usd = request.worst_usd(self._price)
        before = await asyncio.to_thread(self._ledger.sent, request.key)
        for number in range(ATTEMPTS):
            if not await self._budget.reserve(worst_usd):
                spent, limit = self._budget.spent_usd, self._budget.limit_usd
                error = f"may cost up to ${worst_usd:.4f}, and ${spent:.4f} of the budget of ${limit:.4f} are spent"
                return replace(answer, status="over_budget", error=error)
            sent = Sent(before.attempts + 1, before.at_risk_usd + worst_usd)
            await asyncio.to_thread(self._ledger.note, request.key, sent)
            answer = replace(answer, attempts=sent.attempts, at_risk_usd=before.at_risk_usd, sent_at=_now())
            try:
                reply, request_id = await self._send(request.body)
            except _NoAnswer as ended:
                before = Sent(sent.attempts, before.at_risk_usd + worst_usd * ended.at_risk)
                await asyncio.to_thread(self._ledger.note, request.key, before)
                await self._budget.settle(worst_usd, worst_usd * ended.at_risk)
                answer = replace(answer, at_risk_usd=before.at_risk_usd, error=str(ended))
                if not ended.again:
                    break
                if number + 1 < ATTEMPTS:
                    await asyncio.sleep(ended.delay(number))
                continue
            usage = reply.usage
            cost_usd = self._price.cost(usage.input_tokens, usage.output_tokens)
            counts = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, "cost_usd": cost_usd}
            answer = replace(
                answer,
                status=reply.status,
                text=reply.text,
                error=None,
                request_id=request_id,
                answered_at=_now(),
                **counts,
            )
            await asyncio.to_thread(self._ledger.keep, answer)
            await self._budget.settle(worst_usd, cost_usd)
            self.answered, self._failed_in_a_row = True, 0
            return answer
        self._count_failure(answer)
        return answer

    def _count_failure(self, answer: Answer) -> None:
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= (2 * self._concurrency if self.answered else 3):
            raise ProviderDown(
                f"{self._failed_in_a_row} requests to {self._llm} in a row failed, {answer.attempts} attempts at the "
                f"last one, which ended with: {answer.error}. What was answered before is kept; materialize again "
                "when this is mended"
            )

    async def _send(self, body: dict[str, Any]) -> tuple[Reply, str | None]:
        """One attempt.

        Raises:
            _NoAnswer: If it ended without one.
            KeyRefused, UnknownLLM: If no other attempt or request can end better.
        """
        import anthropic
        import httpx2

        if self._client is None:
            self._client = anthropic.AsyncAnthropic(max_retries=0, timeout=TIMEOUT)
        try:
            raw = await self._client.messages.with_raw_response.create(**body)
            return Reply.model_validate_json(raw.http_response.content), raw.headers.get("request-id")
        except anthropic.APIStatusError as error:
            self._stop_if_pointless(error.status_code, error.message)
            status, again = error.status_code, error.status_code in (408, 409, 429) or error.status_code >= 500
            wait = _retry_after(error.response.headers)
            raise _NoAnswer(f"status {status}: {error.message}", again, status in (408, 502, 504), wait) from error
        except anthropic.APIConnectionError as error:
            never_left = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise _NoAnswer(f"{error.message} ({error.__cause__!r})", True, not never_left) from error
        except ValidationError as error:
            raise _NoAnswer(f"the body is no message: {error.errors()[0]['msg']}", True, True) from error

    def _stop_if_pointless(self, status: int, message: str) -> None:
        if status in (401, 402, 403):
            raise KeyRefused(
                f"{self._client.base_url} refuses the API key (status {status}: {message}): set ANTHROPIC_API_KEY to "
                "one that is valid and paid for. Nothing more was asked"
            )
        if status == 404:
            raise UnknownLLM(
                f"{self._client.base_url} does not know llm {self._llm!r} ({message}): name another in the recipe"
            )


class _NoAnswer(Exception):
    """An attempt ended without an answer: whether another may do better, and whether this one may have cost money."""

    def __init__(self, message: str, again: bool, at_risk: bool, wait: float | None = None):
        super().__init__(message)
        self.again, self.at_risk, self._wait = again, at_risk, wait

    def delay(self, number: int) -> float:
        """Seconds to wait after attempt `number`: what the server asks for, or twice as long each time, less up to a
        quarter."""
        if self._wait is not None:
            return self._wait
        return min(FIRST_DELAY * 2**number, LAST_DELAY) * random.uniform(0.75, 1.0)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks us to wait; it may say so in seconds or as a date."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
