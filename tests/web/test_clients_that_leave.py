"""A client that leaves, whatever it was in the middle of, is no error of the server: nothing is said of it."""

import queue
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread
from urllib.request import urlopen

import pytest

CHECKOUT = Path(__file__).parents[2]
PROGRAM = '''
import pathlib, sys, time
import web.app
sys.path.append(sys.argv[3])
import browser

class Slow(browser.EchoReader):
    def read(self, model_id, text, recipe_ids, is_chat, report):
        time.sleep(0.4)
        report("half is read")
        return super().read(model_id, text, recipe_ids, is_chat, report)

class Told:
    """Says when a request has begun, and when its handling is over, however that went."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        print("begun", flush=True)
        try:
            await self.app(scope, receive, send)
        finally:
            print("over", flush=True)

pages = web.app.app
web.app.app = lambda *given: Told(pages(*given))
web.app.serve(pathlib.Path(sys.argv[1]), "127.0.0.1", int(sys.argv[2]), Slow())
'''
HEAD = "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n{more}\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {0}\r\n"
TEXT = "/model/demo/text"
LEAVING = {
    "half a form": ("POST", TEXT, FORM.format(1000), "text=half"),
    "no form": ("POST", TEXT, FORM.format(1000), ""),
    "a whole form": ("POST", TEXT, FORM.format(9), "text=word"),
    "a text": ("GET", f"{TEXT}?text=word", "", ""),
    "a refused text": ("GET", f"{TEXT}?text=no", "", ""),
    "a question of the API": ("POST", "/api/saes/demo/mid/text", FORM.format(16), '{"text": "word!"}'),
    "half a chunk": ("POST", TEXT, "Transfer-Encoding: chunked\r\n", "ff\r\ntext=a"),
    "no chunk at all": ("POST", TEXT, "Transfer-Encoding: chunked\r\n", "zz\r\n"),
    "a form where none is taken": ("POST", "/search", FORM.format(1000), "text="),
    "a page": ("GET", "/sae/demo/mid/3", "", ""),
    "a file": ("GET", "/static/style.css", "", ""),
}


class Server:
    """A server in a process of its own, and how many requests have begun there and are over."""

    def __init__(self, running: subprocess.Popen[str], port: int) -> None:
        self.running, self.port = running, port
        self.counts, self._lines = Counter[str](), queue.SimpleQueue[str]()
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.running.stdout or ():
            self._lines.put(line.strip())

    def wait_for(self, what: str, n: int) -> None:
        while self.counts[what] < n:
            self.counts[self._lines.get(timeout=60)] += 1


@pytest.fixture(scope="module")
def server(warehouse: Path) -> Iterator[Server]:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", PROGRAM, str(warehouse), str(port), str(CHECKOUT / "tests" / "support")]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        answer(port)
        yield Server(running, port)
        running.kill()


def answer(port: int) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/sae/demo/mid/3", timeout=60) as page:
            return page.read().decode()
        time.sleep(0.1)
    raise AssertionError("the server did not answer within a minute")


def leave(server: Server, method: str, path: str, more: str, body: str, *, rudely: bool) -> None:
    """Goes as soon as the server has begun to answer."""
    begun = server.counts["begun"]
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as client:
        client.sendall((HEAD.format(method=method, path=path, port=server.port, more=more) + body).encode())
        server.wait_for("begun", begun + 1)
        if rudely:  # a reset in the place of an end
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_clients_that_leave_are_not_spoken_of(server: Server):
    server.wait_for("over", 1)
    for method, path, more, body in LEAVING.values():
        for rudely in (False, True):
            leave(server, method, path, more, body, rudely=rudely)
    server.wait_for("over", 1 + 2 * len(LEAVING))
    assert ">Feature 3 of demo/mid<" in answer(server.port)
    server.running.send_signal(signal.SIGINT)
    server.running.wait(timeout=60)
    assert server.running.stderr is not None
    said = server.running.stderr.read()
    assert "Traceback" not in said
    assert "ClientDisconnect" not in said
    assert said.count("\n") <= 6, said
