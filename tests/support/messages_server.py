"""A server on this machine that speaks the Messages protocol: answers by script, misbehaves on request, counts what it
served.

It answers the schema it is asked for: a string for every string, the last of an enum, one item per id. What it does
with a request is decided by `script`, a function of the request's number and body, which returns one of the acts; what
it does with batches, by `batches`. By itself, for tests that kill their clients:

    python tests/support/messages_server.py --port 0 --latency 0.02  # prints its address; see GET /counts
"""

import argparse
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from message_acts import Act, Body, Cut, Fail, Garble, Say, Script, Slow
from message_batches import Batch, Batches
from message_tally import Tally, content_key

__all__ = ["KEY", "Act", "Cut", "Fail", "Garble", "Messages", "Say", "Script", "Slow", "serving"]

KEY = "a-key-that-is-right"
BATCHES = "/v1/messages/batches"


@dataclass
class Messages:
    """What the server does, and what it has seen."""

    script: Script = lambda number, body: Say()
    batches: Batches = field(default_factory=Batches)
    bodies: list[Body] = field(default_factory=list)
    """Of requests sent alone, in the order of their coming."""
    acts: list[Act] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    errors: list[Exception] = field(default_factory=list)
    """Raised by a script; `serving` raises the first again."""
    url: str = ""
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def answered(self) -> int:
        """Requests that got a whole answer: those that a provider bills."""
        return sum(isinstance(act, Say) for act in self.acts)


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer leaves in one piece
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        n_bytes, path = int(self.headers["content-length"]), urlsplit(self.path).path
        if path == BATCHES and n_bytes > self.server.messages.batches.most_bytes:
            for start in range(0, n_bytes, 1 << 20):
                self.rfile.read(min(1 << 20, n_bytes - start))
            return self._fail(Fail(413, "request_too_large", message="Request exceeds the maximum size"))
        data = self.rfile.read(n_bytes)
        if path == BATCHES:
            return self._call("create", lambda: self._create(json.loads(data).get("requests")))
        if path.startswith(BATCHES) and path.endswith("/cancel"):
            return self._call("cancel", lambda: self._cancel(path.split("/")[-2]))
        return self._live(json.loads(data), path)

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        path, query = address.path, {name: values[0] for name, values in parse_qs(address.query).items()}
        if path == "/counts":
            with self.server.messages.lock:
                counts = self.server.messages.tally.counts() | {"most_at_once": self.server.messages.most_at_once}
            return self._reply(200, json.dumps(counts).encode())
        if path == BATCHES:
            return self._call("list", lambda: self._list(query))
        if path.startswith(BATCHES) and path.endswith("/results"):
            return self._call("results", lambda: self._results(path.split("/")[-2]))
        if path.startswith(BATCHES):
            return self._call("retrieve", lambda: self._retrieve(path.split("/")[-1]))
        return self._fail(Fail(404, "not_found_error"))

    def _refusal(self) -> Fail | None:
        keys = (self.headers.get("x-api-key"), self.headers.get("authorization", "").removeprefix("Bearer "))
        if KEY not in keys:
            return Fail(401, "authentication_error")
        return None if self.headers.get("anthropic-version") else Fail(400, "invalid_request_error")

    def _live(self, body: Body, path: str) -> None:
        messages = self.server.messages
        with messages.lock:
            number = len(messages.bodies)
            messages.bodies.append(body)
            messages.tally.sent[content_key(body)] += 1
            messages.at_once += 1
            messages.most_at_once = max(messages.most_at_once, messages.at_once)
        message = None
        try:
            act = self._refusal() or (None if path == "/v1/messages" else Fail(404, "not_found_error"))
            act = act or _waited(messages.script(number, body))
            if isinstance(act, Say) or (isinstance(act, Cut) and act.after):
                message = (act if isinstance(act, Say) else Say()).message(body, f"msg_{number}")
        except Exception as error:
            messages.errors.append(error)
            act = Fail(400, message=f"the script raised {error!r}")
        finally:
            with messages.lock:
                messages.at_once -= 1
        with messages.lock:
            messages.acts.append(act)
            messages.tally.end(type(act).__name__.lower(), body, message)
        self._carry_out(act, json.dumps(message).encode(), f"req_{number}")

    def _call(self, name: str, work: Callable[[], Any]) -> None:
        """A call about batches: `work` gives what to answer, a failure, or lines to stream."""
        batches = self.server.messages.batches
        with self.server.messages.lock:
            number = batches.calls.count(name)
            batches.calls.append(name)
        act = self._refusal() or batches.trouble(number, name)
        act = None if act is None else _waited(act)
        if isinstance(act, Fail | Garble) or (isinstance(act, Cut) and act.after is None):
            return self._carry_out(act, b"", f"req_{name}_{number}")
        try:
            answer = work()
        except Exception as error:
            self.server.messages.errors.append(error)
            answer = Fail(400, message=f"the script raised {error!r}")
        if isinstance(answer, Fail):
            return self._fail(answer)
        if isinstance(answer, Iterator):
            return self._stream(answer, cut=isinstance(act, Cut))
        return self._carry_out(act or Say(), json.dumps(answer).encode(), f"req_{name}_{number}")

    def _create(self, requests: Any) -> Any:
        messages = self.server.messages
        refusal = messages.batches.refusal(requests)
        if refusal is not None:
            return refusal
        with messages.lock:
            return messages.batches.create(requests, messages.tally).shown(messages.url)

    def _list(self, query: dict[str, str]) -> Any:
        messages = self.server.messages
        with messages.lock:
            for batch in messages.batches.made:
                messages.batches.look(batch, messages.script, messages.tally, counts=False)
            return messages.batches.page(
                int(query.get("limit", 20)), query.get("after_id"), query.get("before_id"), messages.url
            )

    def _found(self, name: str, *, counts: bool) -> Batch | None:
        messages = self.server.messages
        batch = messages.batches.find(name)
        if batch is not None:
            messages.batches.look(batch, messages.script, messages.tally, counts=counts)
        return batch

    def _retrieve(self, name: str) -> Any:
        with self.server.messages.lock:
            batch = self._found(name, counts=True)
            return Fail(404, "not_found_error") if batch is None else batch.shown(self.server.messages.url)

    def _cancel(self, name: str) -> Any:
        with self.server.messages.lock:
            batch = self._found(name, counts=False)
            if batch is None:
                return Fail(404, "not_found_error")
            if batch.ended:
                return Fail(400, "invalid_request_error", message=f"{name} has ended")
            batch.canceling = datetime.now(UTC)
            return batch.shown(self.server.messages.url)

    def _results(self, name: str) -> Any:
        with self.server.messages.lock:
            batch = self._found(name, counts=False)
        if batch is None or not batch.ended:
            return Fail(404, "not_found_error", message=f"{name} has no results")
        return self.server.messages.batches.results(batch)

    def _stream(self, lines: Iterator[bytes], *, cut: bool) -> None:
        """Lines in chunks; cut: the first, half of the second, and no more, not even an end."""
        self.send_response(200)
        self.send_header("content-type", "application/x-jsonl")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, line in enumerate(lines):
            if cut and number:
                self.wfile.write(b"%x\r\n%b" % (len(line), line[: len(line) // 2]))
                break
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
        if not cut:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection |= cut

    def _carry_out(self, act: Act, data: bytes, request_id: str) -> None:
        if isinstance(act, Fail):
            self._fail(act, request_id)
        elif isinstance(act, Garble):
            self._reply(200, act.body, {"request-id": request_id, "content-type": act.content_type})
        elif isinstance(act, Cut) and act.after == "half":
            self._reply(200, data, {"request-id": request_id}, sent=len(data) // 2)
        elif isinstance(act, Cut):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
        else:
            self._reply(200, data, {"request-id": request_id})

    def _fail(self, fail: Fail, request_id: str = "req") -> None:
        self._reply(fail.status, json.dumps(fail.error(request_id)).encode(), fail.headers | {"request-id": request_id})

    def _reply(self, status: int, data: bytes, headers: dict[str, str] | None = None, sent: int | None = None) -> None:
        """Promises all of the data; `sent`: keeps that promise so far only."""
        self.send_response(status)
        for name, value in ({"content-type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:sent])
        self.close_connection |= sent is not None

    def log_message(self, format: str, *args: Any) -> None:
        """The tests look at what was counted, not at a log."""


def _waited(act: Act) -> Act:
    while isinstance(act, Slow):
        time.sleep(act.seconds)
        act = act.then
    return act


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    messages: Messages

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed, or went away, is what some tests are about; anything else is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(script: Script | None = None, port: int = 0) -> Iterator[Messages]:
    """A running server; `messages.url` is its address."""
    messages = Messages() if script is None else Messages(script)
    server = _Server(("127.0.0.1", port), _Handler)
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
    if messages.errors:
        raise messages.errors[0]


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--latency", type=float, default=0.0, help="seconds before an answer")
    options.add_argument("--batch-seconds", type=float, default=0.0, help="that a batch takes")
    chosen = options.parse_args()
    with serving(lambda number, body: Slow(chosen.latency), chosen.port) as messages:
        messages.batches.polls, messages.batches.seconds = 0, chosen.batch_seconds
        sys.stdout.write(f"{messages.url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
