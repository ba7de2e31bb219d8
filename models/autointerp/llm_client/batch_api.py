"""The provider's Message Batches: create, look, wait, read results; what passes is tried again."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from models.autointerp.llm_client.messages_client import AttemptFailed, Provider
from models.autointerp.llm_client.request import Reply
from storage.storable_text import storable_json

PATIENCE = 12
"""Attempts at a question that costs nothing, such as how far a batch is."""


@dataclass(frozen=True, slots=True)
class ListedBatch:
    """A batch as the provider lists it."""

    batch_id: str
    n_requests: int
    """0 where the provider does not say so yet."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How one request of a batch ended: with a reply, or 'failed', 'expired' or 'canceled'."""

    key: str
    status: str
    reply: Reply | None = None
    error: str | None = None
    again: bool = False
    """Whether the same request may end better another time."""


class BatchAPI:
    """Batches over a provider's connection."""

    def __init__(self, provider: Provider):
        self._provider = provider

    @property
    def _api(self) -> Any:
        return self._provider.client.messages.batches

    async def create(self, llm: str, bodies: Mapping[str, dict[str, Any]]) -> str:
        """One attempt to hand over requests by key; the batch's id.

        Raises:
            AttemptFailed: If it is not known, or known not, to have been taken.
        """
        requests = [{"custom_id": key, "params": body} for key, body in bodies.items()]
        return (await self._provider.call(self._api.create, llm, requests=requests)).id

    async def newest_first(self) -> AsyncIterator[ListedBatch]:
        """Every batch that the provider knows of the key's workspace."""
        page = await self._patiently(self._api.list, limit=100)
        while True:
            for batch in page.data:
                counts = batch.request_counts
                parts = (counts.processing, counts.succeeded, counts.errored, counts.canceled, counts.expired)
                yield ListedBatch(batch.id, sum(parts))
            if not page.has_next_page():
                return
            page = await self._patiently(page.get_next_page)

    async def newest(self) -> str | None:
        async for made in self.newest_first():
            return made.batch_id
        return None

    async def ended(self, batch_id: str) -> None:
        """Returns when the provider has done with the batch."""
        while (await self._patiently(self._api.retrieve, batch_id)).processing_status != "ended":
            await asyncio.sleep(self._provider.access.poll_every)

    async def outcomes(self, batch_id: str) -> AsyncIterator[BatchResult]:
        """The results of a batch that has ended, in the provider's order, read as they come; from the beginning again
        where the connection is cut."""
        for number in range(PATIENCE):
            try:
                async for outcome in self._read(batch_id):
                    yield outcome
                return
            except AttemptFailed as ended:
                if not ended.again or number + 1 == PATIENCE:
                    raise
                await asyncio.sleep(ended.delay(number, self._provider.access))

    async def _read(self, batch_id: str) -> AsyncIterator[BatchResult]:
        import httpx2

        results = await self._provider.call(self._api.results, "", batch_id)
        try:
            async for line in results:
                yield _outcome(line)
        except (httpx2.HTTPError, ValueError) as error:  # ValueError: half a line of JSON
            raise AttemptFailed(f"results of batch {batch_id} were cut off ({error!r})", True, False) from error

    async def _patiently(self, method: Any, *given: Any, **named: Any) -> Any:
        for number in range(PATIENCE):
            try:
                return await self._provider.call(method, "", *given, **named)
            except AttemptFailed as ended:
                if not ended.again or number + 1 == PATIENCE:
                    raise
                await asyncio.sleep(ended.delay(number, self._provider.access))
        raise AssertionError


def _outcome(line: Any) -> BatchResult:
    kind = line.result.type
    if kind == "succeeded":
        try:
            message = storable_json(json.dumps(line.result.message.to_dict()))
            return BatchResult(line.custom_id, "answered", Reply.model_validate(message))
        except ValidationError as error:
            return BatchResult(line.custom_id, "failed", error=f"the body is no message: {error.errors()[0]['msg']}")
    if kind == "errored":
        error = line.result.error.error
        why, again = f"{error.type}: {error.message}", error.type in ("api_error", "overloaded_error", "timeout_error")
        return BatchResult(line.custom_id, "failed", error=why, again=again)
    if kind == "expired":
        why = "the batch expired before its turn came"
        return BatchResult(line.custom_id, "expired", error=why, again=True)
    return BatchResult(line.custom_id, "canceled", error="somebody canceled the batch before its turn came")
