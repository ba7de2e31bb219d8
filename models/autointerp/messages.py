"""One attempt at a question over the Messages protocol, and the ways in which it can end.

Attempts are made and counted by the caller and not inside the SDK, because one that ends without an answer may have
cost money, and the ledger has to know.
"""

import os
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self

from pydantic import ValidationError

from models.autointerp.prices import price_of
from models.autointerp.request import Reply
from models.settings import ExplanationSettings

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


class Provider:
    """A connection to the provider, opened at the first question."""

    def __init__(self) -> None:
        self._client: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()

    async def send(self, body: dict[str, Any]) -> tuple[Reply, str | None]:
        """One attempt.

        Raises:
            NoAnswer: If it ended without one.
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
            self._stop_if_pointless(error.status_code, error.message, body["model"])
            status, again = error.status_code, error.status_code in (408, 409, 429) or error.status_code >= 500
            wait = _retry_after(error.response.headers)
            raise NoAnswer(f"status {status}: {error.message}", again, status in (408, 502, 504), wait) from error
        except anthropic.APIConnectionError as error:
            never_left = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise NoAnswer(f"{error.message} ({error.__cause__!r})", True, not never_left) from error
        except ValidationError as error:
            raise NoAnswer(f"the body is no message: {error.errors()[0]['msg']}", True, True) from error

    def _stop_if_pointless(self, status: int, message: str, llm: str) -> None:
        if status in (401, 402, 403):
            raise KeyRefused(
                f"{self._client.base_url} refuses the API key (status {status}: {message}): set ANTHROPIC_API_KEY to "
                "one that is valid and paid for. Nothing more was asked"
            )
        if status == 404:
            raise UnknownLLM(
                f"{self._client.base_url} does not know llm {llm!r} ({message}): name another in the recipe"
            )


class NoAnswer(Exception):
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
