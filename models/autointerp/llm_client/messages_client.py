"""One attempt at a question over the Messages protocol, and the ways in which it can end.

Attempts are made and counted by the caller and not inside the SDK, because one that ends without an answer may have
cost money, and the ledger has to know.
"""

import random
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, Self

from pydantic import ValidationError

from models.autointerp.llm_client.provider_access import ProviderAccess
from models.autointerp.llm_client.request import Reply
from storage.storable_text import storable, storable_json

TOLD_FROM = 30.0
"""Seconds of waiting that are told of."""


class KeyRefused(ValueError):
    """The provider refuses the API key. Nothing can be asked: set another key."""


class UnknownLLM(ValueError):
    """The provider does not know the LLM, or the key may not use it. Name another."""


class AttemptFailed(Exception):
    """An attempt ended without an answer: whether another may do better, and whether this one may have cost money."""

    def __init__(self, message: str, again: bool, at_risk: bool, wait: float | None = None):
        super().__init__(message)
        self.again, self.at_risk, self._wait = again, at_risk, wait

    def delay(self, number: int, access: ProviderAccess) -> float:
        """Seconds to wait after attempt `number`: what the server asks for, or twice as long each time, less up to a
        quarter."""
        if self._wait is not None:
            if self._wait >= TOLD_FROM:
                sys.stderr.write(f"waiting {self._wait:,.0f} s before another attempt, as the provider asks\n")
            return self._wait
        return min(access.first_delay * 2**number, access.last_delay) * random.uniform(0.75, 1.0)


class Provider:
    """A connection to the provider, opened at the first question."""

    def __init__(self, access: ProviderAccess) -> None:
        self.access = access

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if "client" in self.__dict__:
            await self.client.close()

    @cached_property
    def client(self) -> Any:
        import anthropic

        a = self.access
        return anthropic.AsyncAnthropic(
            api_key=a.api_key, auth_token=a.auth_token, base_url=a.base_url, max_retries=0, timeout=a.timeout
        )

    async def send(self, body: dict[str, Any]) -> tuple[Reply, str | None]:
        """One attempt at one question.

        Raises:
            AttemptFailed: If it ended without one.
            KeyRefused, UnknownLLM: If no other attempt or request can end better.
        """
        raw = await self.call(self.client.messages.with_raw_response.create, body["model"], **body)
        return _reply(raw.http_response.content), raw.headers.get("request-id")

    async def call(self, method: Any, llm: str = "", *given: Any, **named: Any) -> Any:
        """Calls the SDK; what goes wrong is put as `send` does."""
        import anthropic
        import httpx2

        try:
            return await method(*given, **named)
        except anthropic.APIStatusError as error:
            self._stop_if_pointless(error.status_code, error.message, llm)
            headers, status = error.response.headers, error.status_code
            again = {"true": True, "false": False}.get(
                headers.get("x-should-retry", ""), status in (408, 409, 429) or status >= 500
            )
            message, wait = storable(f"status {status}: {error.message}"), retry_after(headers)
            if wait is not None and wait > self.access.longest_wait:
                message += (
                    f"; it asks to wait {wait:,.0f} s (retry-after), longer than {self.access.longest_wait:,.0f}: "
                    "materialize again after that"
                )
                again = False
            raise AttemptFailed(message, again, status in (408, 502, 504), wait) from error
        except anthropic.APIConnectionError as error:
            never_left = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise AttemptFailed(f"{error.message} ({error.__cause__!r})", True, not never_left) from error

    def _stop_if_pointless(self, status: int, message: str, llm: str) -> None:
        if status in (401, 402, 403):
            raise KeyRefused(
                f"{self.client.base_url} refuses the API key (status {status}: {message}): set ANTHROPIC_API_KEY to "
                "one that is valid and paid for. Nothing more was asked"
            )
        if status == 404 and llm:
            raise UnknownLLM(
                f"{self.client.base_url} does not know llm {llm!r} ({message}): name another in the recipe"
            )


def _reply(body: bytes) -> Reply:
    """A body as the protocol writes it; one with half a character in it, which strict JSON refuses, made storable."""
    try:
        return Reply.model_validate_json(body)
    except ValidationError:
        pass
    try:
        return Reply.model_validate(storable_json(body))
    except (ValidationError, ValueError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise AttemptFailed(f"the body is no message: {why}", True, True) from error


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks us to wait: it says so in seconds, or as a date, which is read by its own clock."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError):
        return None
