"""The server answers to its own names and to forms of its own pages, and to nobody who keeps it waiting."""

import asyncio
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient
from web.custom_text import MOST_WAITING, Busy, TextQueue

from web.app import app
from web.http_protocol import ImpatientProtocol
from web.request_origin import RequestOrigin


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    """Pages without a warehouse: every page that is let through answers 503."""
    answering = RequestOrigin(app(tmp_path / "none.duckdb"), ["glass.example"])
    return TestClient(answering, base_url="http://127.0.0.1:8765")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8765",
        "localhost",
        "LOCALHOST:1",
        "[::1]:8765",
        "192.168.1.7",
        "glass.example",
        "glass.example.",
        "a.localhost",
    ],
)
def test_the_pages_answer_to_their_own_names(client: TestClient, host: str):
    assert client.get("/", headers={"host": host}).status_code == 503


@pytest.mark.parametrize(
    "host", ["attacker.example", "127.0.0.1.attacker.example", "", "glass.example.org", "[", "a b"]
)
def test_another_name_is_refused_and_told_what_to_do(client: TestClient, host: str):
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 403
    assert "do not go by the name" in answer.text
    assert "glasshouse serve" in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 503),
        ({"origin": "http://127.0.0.1:8765"}, 503),
        ({"origin": "http://127.0.0.1:8765", "sec-fetch-site": "same-origin"}, 503),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "http://attacker.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_a_form_is_taken_from_the_pages_themselves_only(client: TestClient, headers: dict[str, str], status: int):
    answer = client.post("/sae/m/r/text", data={"text": "x"}, headers=headers)
    assert answer.status_code == status
    assert client.get("/sae/m/r/text", headers=headers).status_code == 503, "to look at a page is allowed from anywhere"


def test_a_search_has_a_longest_text(client: TestClient):
    assert client.get("/search", params={"text": "x" * 1000}).status_code == 503
    answer = client.get("/search", params={"text": "x" * 1001})
    assert answer.status_code == 414
    assert "the search has 1,001 characters, and 1,000 are allowed" in answer.text


def test_texts_are_read_one_at_a_time_and_a_ninth_does_not_wait():
    running, most, go = [0], [0], threading.Event()

    def read() -> str:
        running[0] += 1
        most[0] = max(most[0], running[0])
        go.wait(10)
        running[0] -= 1
        return "read"

    async def ask() -> list[object]:
        queue = TextQueue()
        asked = [asyncio.ensure_future(queue.run(read)) for _ in range(1 + MOST_WAITING)]
        await asyncio.sleep(0.2)
        with pytest.raises(Busy, match=r"8 texts wait to be read already"):
            await queue.run(read)
        page = await asyncio.to_thread(lambda: "a page")
        go.set()
        return [page, *await asyncio.gather(*asked)]

    assert asyncio.run(ask()) == ["a page", *["read"] * (1 + MOST_WAITING)]
    assert most[0] == 1


def _answered(connection: socket.socket) -> bool:
    """Whether what was sent has been read up to the end of the page."""
    try:
        return b"</html>" in connection.recv(1 << 16)
    except BlockingIOError:
        return False


def test_a_connection_that_says_nothing_is_closed_and_one_that_asks_is_not(tmp_path: Path):
    class Hasty(ImpatientProtocol):
        silence_seconds = 0.5

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        config = uvicorn.Config(app(tmp_path / "none.duckdb"), http=Hasty, log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            with (
                socket.create_connection(("127.0.0.1", port)) as silent,
                socket.create_connection(("127.0.0.1", port)) as halfway,
                socket.create_connection(("127.0.0.1", port)) as asking,
            ):
                halfway.sendall(b"GET / HTTP/1.1\r\nhost: 127")
                asking.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
                assert asking.recv(20).startswith(b"HTTP/1.1 503")
                asking.setblocking(False)
                while not _answered(asking):
                    time.sleep(0.01)
                asking.sendall(b"GET / HTTP/1.1\r\nhost: 127")
                for connection in (silent, halfway, asking):
                    connection.settimeout(10)
                    assert connection.recv(1) == b""
        finally:
            server.should_exit = True
            thread.join(10)
