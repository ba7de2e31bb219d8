"""A server between a client of S3 and S3, in a thread, that answers some requests as a bad day would.

It speaks HTTP/1.1, one request a connection, and knows nothing of S3 but the form of its errors.
"""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

HEAD_END = b"\r\n\r\n"
ERRORS = {
    "500": (500, "InternalError", "We encountered an internal error. Please try again."),
    "503": (503, "SlowDown", "Please reduce your request rate."),
    "wrong credentials": (403, "InvalidAccessKeyId", "The access key that you gave is not known."),
    "expired credentials": (400, "ExpiredToken", "The provided token has expired."),
    "bucket gone": (404, "NoSuchBucket", "The specified bucket does not exist"),
}
BAD_DAY = ("500", "503", "reset", "answer lost", "truncated")
"""What passes: the last three cut a connection before the request, after it, and in the middle of the answer."""


@dataclass
class FaultyProxy:
    """Which faults, how often, and from which request on."""

    upstream: tuple[str, int]
    faults: tuple[str, ...] = ()
    share: float = 0.1
    first: int = 0
    """Requests that go well before faults begin."""
    seed: int = 0
    port: int = 0
    n_requests: int = 0
    injected: Counter = field(default_factory=Counter)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _fault(self) -> str | None:
        self.n_requests += 1
        if not self.faults or self.n_requests <= self.first or self._chance.random() >= self.share:
            return None
        return self._chance.choice(self.faults)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._answered(reader, writer)
        writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await _message(reader, writer)
        fault = self._fault()
        if fault is not None:
            self.injected[fault] += 1
        if fault in ERRORS:
            answer = _error(*ERRORS[fault])
            writer.write(answer.partition(HEAD_END)[0] + HEAD_END if head.startswith(b"HEAD") else answer)
            await writer.drain()
            return
        if fault == "reset":
            writer.transport.abort()
            return
        answer = await self._asked(head, body)
        if fault == "answer lost":
            writer.transport.abort()
            return
        writer.write(answer[: _cut(answer)] if fault == "truncated" else answer)
        await writer.drain()

    async def _asked(self, head: bytes, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self.upstream)
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection:", b"expect:"))]
        lines.insert(1, b"Connection: close")
        writer.write(b"\r\n".join(lines) + HEAD_END + body)
        await writer.drain()
        try:
            return await reader.read()
        finally:
            writer.close()


def _cut(answer: bytes) -> int:
    """In the middle of the body; an answer without one is cut in its last line."""
    head, _, body = answer.partition(HEAD_END)
    return len(answer) - max(1, len(body) // 2) if body else len(head)


def _error(status: int, code: str, message: str) -> bytes:
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return (
        f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
        f"Connection: close\r\n\r\n{body}"
    ).encode()


async def _message(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bytes, bytes]:
    """Head and body of a request; a client that asks whether to go on with the body is told to."""
    head = (await reader.readuntil(HEAD_END)).removesuffix(HEAD_END)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in head.split(b"\r\n"))
    }
    if b"expect" in headers:
        writer.write(b"HTTP/1.1 100 Continue" + HEAD_END)
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        body = b""
        while True:
            line = await reader.readline()
            size = int(line.split(b";")[0], 16)
            body += line + await reader.readexactly(size + 2)
            if size == 0:
                return head, body
    return head, await reader.readexactly(int(headers.get(b"content-length", 0)))


@contextmanager
def faulty_proxy(proxy: FaultyProxy) -> Iterator[FaultyProxy]:
    """Serves until the block ends."""
    ready, ended = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with await asyncio.start_server(proxy.handle, "127.0.0.1", 0, limit=2**20) as server:
            proxy.port = server.sockets[0].getsockname()[1]
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield proxy
    finally:
        loops[0].call_soon_threadsafe(ended.set)
        thread.join(30)
