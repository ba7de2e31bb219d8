"""HTTP as uvicorn speaks it, but for connections that say nothing: they are closed."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

SILENCE_SECONDS = 20.0
"""How long a client may take for the head of its request."""


class ImpatientProtocol(H11Protocol):
    """Closes a connection whose client does not send the head of a request in time; uvicorn waits for ever."""

    silence_seconds = SILENCE_SECONDS
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            self._wait()

    def _wait(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = asyncio.get_running_loop().call_later(self.silence_seconds, self._close_silent)

    def _close_silent(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        super().connection_lost(exc)
