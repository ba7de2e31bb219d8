"""A provider of the Messages protocol as cheap as the standard library allows, for benchmarks of those who ask it.

    python -m benchmarks.messages_process --port 0 --latency 0.5    # prints its address; GET /counts: what it served

One process, one thread, one event loop. Answers have the shape that was asked for: one list, one item per id. Every
answer waits out the latency without holding up another. Duplicates are counted by the bytes of the body; a token is
taken to be four bytes.
"""

import argparse
import asyncio
import hashlib
import json
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

BYTES_PER_TOKEN = 4
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: req_%d\r\ncontent-length: %d\r\n\r\n%b"
ERROR = b'{"type": "error", "error": {"type": "invalid_request_error", "message": "%b"}}'


class Counts:
    """What was served since the start."""

    def __init__(self) -> None:
        self.requests = self.input_tokens = self.output_tokens = self.under_way = self.most_under_way = 0
        self.seen: set[bytes] = set()
        self.first = self.last = 0.0

    def shown(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "duplicates": self.requests - len(self.seen),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "most_under_way": self.most_under_way,
            "seconds": self.last - self.first,
        }


class Answers:
    """Answers by schema: an item's text is made once for each form, ids are put into it."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, ...], str] = {}

    def text(self, schema: dict[str, Any]) -> str:
        ((name, of),) = schema["properties"].items()
        values = of["items"]["properties"]
        form = (name, *values)
        if form not in self._items:
            rest = {name: _plain(value) for name, value in values.items() if name != "id"}
            self._items[form] = json.dumps(rest)[1:]
        rest = self._items[form]
        items = ", ".join(f'{{"id": "{name}", {rest}' for name in values["id"]["enum"])
        return f'{{"{name}": [{items}]}}'


def _plain(schema: dict[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][-1]
    if schema["type"] == "array":
        return [_plain(schema["items"])]
    if schema["type"] == "object":
        return {name: _plain(value) for name, value in schema["properties"].items()}
    return {"boolean": True, "integer": 1, "string": "words about testing"}[schema["type"]]


class Connection(asyncio.Protocol):
    """One connection that is kept: requests come whole or in pieces, one after the other."""

    transport: asyncio.Transport

    def __init__(self, counts: Counts, answers: Answers, latency: "Latency"):
        self._counts, self._answers, self._latency = counts, answers, latency
        self._data = bytearray()
        self._wanted = 1
        """Bytes without which nothing can be done."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while len(self._data) >= self._wanted:
            end = self._data.find(b"\r\n\r\n") + 4
            if end < 4:
                self._wanted = len(self._data) + 1
                return
            whole = end + _content_length(self._data[:end].lower())
            if len(self._data) < whole:
                self._wanted = whole
                return
            self._serve(self._data[:32], bytes(self._data[end:whole]))
            del self._data[:whole]
            self._wanted = 1

    def _serve(self, line: bytearray, body: bytes) -> None:
        if line.startswith(b"GET /counts"):
            return self._write(json.dumps(self._counts.shown()).encode())
        counts, now = self._counts, time.monotonic()
        counts.first = counts.first or now
        counts.requests += 1
        counts.seen.add(hashlib.blake2b(body, digest_size=16).digest())
        counts.under_way += 1
        counts.most_under_way = max(counts.most_under_way, counts.under_way)
        try:
            asked = json.loads(body)
            text = self._answers.text(asked["output_config"]["format"]["schema"])
        except (KeyError, ValueError, TypeError) as error:
            counts.under_way -= 1
            return self._refuse(f"{type(error).__name__} {error}")
        tokens_in, tokens_out = len(body) // BYTES_PER_TOKEN, len(text) // BYTES_PER_TOKEN
        counts.input_tokens += tokens_in
        counts.output_tokens += tokens_out
        answer = (
            f'{{"id": "msg_{counts.requests}", "type": "message", "role": "assistant", "model": "{asked["model"]}", '
            f'"content": [{{"type": "text", "text": {json.dumps(text)}}}], "stop_reason": "end_turn", '
            f'"stop_sequence": null, "usage": {{"input_tokens": {tokens_in}, "output_tokens": {tokens_out}}}}}'
        )
        return self._latency.later(self, answer.encode())

    def finish(self, answer: bytes) -> None:
        self._counts.under_way -= 1
        self._counts.last = time.monotonic()
        self._write(answer)

    def _write(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(HEAD % (self._counts.requests, len(answer), answer))

    def _refuse(self, why: str) -> None:
        body = ERROR % json.dumps(why)[1:-1].encode()
        head = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % len(body) + body)


def _content_length(head: bytearray) -> int:
    at = head.find(b"\r\ncontent-length:")
    return int(head[at + 17 : head.index(b"\r\n", at + 2)]) if at >= 0 else 0


class Latency:
    """Holds answers back for the same time each: a queue with one timer, since they leave in the order they came."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self._waiting: deque[tuple[float, Connection, bytes]] = deque()

    def later(self, connection: Connection, answer: bytes) -> None:
        if not self.seconds:
            return connection.finish(answer)
        loop = asyncio.get_running_loop()
        self._waiting.append((loop.time() + self.seconds, connection, answer))
        if len(self._waiting) == 1:
            loop.call_later(self.seconds, self._due)
        return None

    def _due(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting and self._waiting[0][0] <= loop.time():
            _, connection, answer = self._waiting.popleft()
            connection.finish(answer)
        if self._waiting:
            loop.call_at(self._waiting[0][0], self._due)


async def serve(port: int, latency: float) -> None:
    counts, answers, held = Counts(), Answers(), Latency(latency)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(counts, answers, held), "127.0.0.1", port, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def command(arguments: Iterable[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--latency", type=float, default=0.0, help="seconds before an answer")
    chosen = options.parse_args(None if arguments is None else list(arguments))
    asyncio.run(serve(chosen.port, chosen.latency))


if __name__ == "__main__":
    command()
