"""A server on this machine that speaks the Messages protocol: answers by script, misbehaves on request, counts what it
served.

It answers the schema it is asked for: a string for every string, the lowest of an enum, one rating per id. What it does
with a request is decided by `script`, a function of the request's number and body; it returns one of the values below.
"""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "a-key-that-is-right"


@dataclass(frozen=True)
class Say:
    """Answers with a text; None: with what the schema asks for."""

    text: str | None = None
    stop_reason: str = "end_turn"
    input_tokens: int = 1000
    output_tokens: int = 50


@dataclass(frozen=True)
class Fail:
    """Answers with an error status."""

    status: int
    kind: str = "api_error"
    retry_after: str | None = None


@dataclass(frozen=True)
class Cut:
    """Closes the connection without an answer."""


@dataclass(frozen=True)
class Garble:
    """Answers 200 with a body that is no JSON."""


Act = Say | Fail | Cut | Garble
Script = Callable[[int, dict[str, Any]], Act]


@dataclass
class Messages:
    """What the server does, and what it has seen."""

    script: Script = lambda number, body: Say()
    bodies: list[dict[str, Any]] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    url: str = ""
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def answered(self) -> int:
        """Requests that got a whole answer: those that a provider bills."""
        return sum(isinstance(act, Say) for act in self.acts)


def by_schema(schema: dict[str, Any]) -> Any:
    """The plainest value that a schema allows; a list of rated ids has one item per id."""
    if schema["type"] == "object":
        return {name: by_schema(of) for name, of in schema["properties"].items()}
    if schema["type"] == "array":
        ids = schema["items"]["properties"]["id"]["enum"]
        return [by_schema(schema["items"]) | {"id": name} for name in ids]
    return schema["enum"][-1] if "enum" in schema else "words about `testing`"


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        messages = self.server.messages
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with messages.lock:
            number = len(messages.bodies)
            messages.bodies.append(body)
            messages.at_once += 1
            messages.most_at_once = max(messages.most_at_once, messages.at_once)
        try:
            if KEY not in (
                self.headers.get("x-api-key"),
                self.headers.get("authorization", "").removeprefix("Bearer "),
            ):
                act: Act = Fail(401, "authentication_error")
            elif self.path.split("?")[0] != "/v1/messages" or not self.headers.get("anthropic-version"):
                act = Fail(400, "invalid_request_error")
            else:
                act = messages.script(number, body)
            with messages.lock:
                messages.acts.append(act)
        finally:
            with messages.lock:
                messages.at_once -= 1
        self._do(act, number, body)

    def _do(self, act: Act, number: int, body: dict[str, Any]) -> None:
        if isinstance(act, Cut):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
        elif isinstance(act, Garble):
            self._reply(200, b'{"id": "msg_1", "content": [', number)
        elif isinstance(act, Fail):
            error = {
                "type": "error",
                "error": {"type": act.kind, "message": f"scripted {act.kind}"},
                "request_id": f"req_{number}",
            }
            self._reply(
                act.status,
                json.dumps(error).encode(),
                number,
                {"retry-after": act.retry_after} if act.retry_after else {},
            )
        else:
            text = (
                act.text if act.text is not None else json.dumps(by_schema(body["output_config"]["format"]["schema"]))
            )
            message = {
                "id": f"msg_{number}",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": [{"type": "text", "text": text}],
                "stop_reason": act.stop_reason,
                "stop_sequence": None,
                "usage": {"input_tokens": act.input_tokens, "output_tokens": act.output_tokens},
            }
            self._reply(200, json.dumps(message).encode(), number)

    def _reply(self, status: int, data: bytes, number: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "content-type": "application/json",
            "request-id": f"req_{number}",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """The tests look at what was counted, not at a log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    messages: Messages


@contextmanager
def serving(script: Script | None = None) -> Iterator[Messages]:
    """A running server; `messages.url` is its address."""
    messages = Messages() if script is None else Messages(script)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.messages = messages
    messages.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield messages
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
