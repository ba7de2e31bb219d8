"""A client that leaves, whatever it was in the middle of, is no error of the server: nothing is said of it."""

import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

CHECKOUT = Path(__file__).parents[2]
PROGRAM = """
import pathlib, sys, time, types
import web.app

class Slow:
    def read(self, sae_id, text):
        time.sleep(0.4)
        if text == "refused":
            raise ValueError("not this text")
        return types.SimpleNamespace(tokens=["a"], fires=[(0, 3, 1.0)], cut="")

web.app.serve(pathlib.Path(sys.argv[1]), "127.0.0.1", int(sys.argv[2]), Slow())
"""
HEAD = "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n{more}\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {0}\r\n"
TEXT = "/sae/demo/mid/text"
LEAVING = {
    "half a form": ("POST", TEXT, FORM.format(1000), "text=half"),
    "no form": ("POST", TEXT, FORM.format(1000), ""),
    "a whole form": ("POST", TEXT, FORM.format(9), "text=word"),
    "a refused form": ("POST", TEXT, FORM.format(12), "text=refused"),
    "half a chunk": ("POST", TEXT, "Transfer-Encoding: chunked\r\n", "ff\r\ntext=a"),
    "no chunk at all": ("POST", TEXT, "Transfer-Encoding: chunked\r\n", "zz\r\n"),
    "a form where none is taken": ("POST", "/search", FORM.format(1000), "text="),
    "a page": ("GET", "/sae/demo/mid/3", "", ""),
    "a file": ("GET", "/static/style.css", "", ""),
}


@pytest.fixture(scope="module")
def server(warehouse: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", PROGRAM, str(warehouse), str(port)]
    with subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) as running:
        answer(port)
        yield running, port
        running.kill()


def answer(port: int) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/sae/demo/mid/3", timeout=60) as page:
            return page.read().decode()
        time.sleep(0.1)
    raise AssertionError("the server did not answer within a minute")


def leave(port: int, method: str, path: str, more: str, body: str, *, rudely: bool) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as client:
        client.sendall((HEAD.format(method=method, path=path, port=port, more=more) + body).encode())
        time.sleep(0.1)
        if rudely:  # a reset in the place of an end
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_clients_that_leave_are_not_spoken_of(server: tuple[subprocess.Popen[str], int]):
    running, port = server
    for method, path, more, body in LEAVING.values():
        for rudely in (False, True):
            leave(port, method, path, more, body, rudely=rudely)
    time.sleep(1)
    assert "<h1>Feature 3</h1>" in answer(port)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert "Traceback" not in said
    assert "ClientDisconnect" not in said
    assert said.count("\n") <= 6, said
