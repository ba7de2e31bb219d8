"""The server answers to its own names and to forms of its own pages, and to nobody who keeps it waiting."""

import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from starlette.requests import Request
from starlette.testclient import TestClient

from web.app import app
from web.http_protocol import ImpatientProtocol
from web.request_origin import RequestOrigin, checked_origin, is_for_another_site, refuse_unmeant_exposure


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
    answer = client.post("/model/m/text", data={"text": "x"}, headers=headers)
    assert answer.status_code == status
    assert client.get("/model/m/text", headers=headers).status_code == 503, "to look at a page is allowed from anywhere"


@pytest.mark.parametrize(
    ("site", "user", "dest", "is_theirs"),
    [
        (None, None, None, False),
        ("none", "?1", "document", False),
        ("same-origin", None, "empty", False),
        ("cross-site", "?1", "document", False),
        ("cross-site", None, "document", True),
        ("cross-site", "?1", "iframe", True),
        ("cross-site", None, "image", True),
        ("same-site", None, "empty", True),
    ],
)
def test_only_who_follows_a_link_makes_the_models_work(site, user, dest, is_theirs):
    sent = {"sec-fetch-site": site, "sec-fetch-user": user, "sec-fetch-dest": dest}
    headers = [(name.encode(), value.encode()) for name, value in sent.items() if value]
    assert is_for_another_site(Request({"type": "http", "headers": headers})) == is_theirs


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9", "pages.localhost"])
def test_this_machine_alone_is_served_without_a_word(host):
    refuse_unmeant_exposure(host, is_meant=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "glass.example", ""])
def test_others_are_let_in_by_a_word_only(host):
    with pytest.raises(ValueError, match=r"without a password: .* Add --open-to-network if that is meant"):
        refuse_unmeant_exposure(host, is_meant=False)
    refuse_unmeant_exposure(host, is_meant=True)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"/{'x' * 8000}", "the path of the address has 8,001 bytes, and 8,000 are allowed"),
        (f"/?{'x' * 16001}", "the query of the address has 16,001 bytes"),
        (f"/sae/m/r?label={'x' * 4001}", "a parameter of the address is longer than 4,000 characters"),
        (f"/?{'x' * 101}=1", "a parameter of the address is longer"),
        (f"/?{'a=1&' * 51}", "the address has more than 50 parameters"),
        (f"/compare?a={'%F0%9F%98%80' * 1500}", "the query of the address has"),
    ],
)
def test_every_address_has_its_limits(client: TestClient, address: str, said: str):
    answer = client.get(address)
    assert answer.status_code == 414
    assert said in answer.text


def test_pages_of_a_named_site_may_read_the_api_and_nothing_else(tmp_path: Path):
    site = checked_origin("http://Localhost:8032/")
    answering = RequestOrigin(app(tmp_path / "none.duckdb", origins=[site]), origins=[site])
    client = TestClient(answering, base_url="http://127.0.0.1:8765")
    named, other = {"origin": site, "sec-fetch-site": "cross-site"}, {"origin": "http://attacker.example"}
    assert client.get("/api/saes", headers=named).headers["access-control-allow-origin"] == "http://localhost:8032"
    assert "access-control-allow-origin" not in client.get("/api/saes", headers=other).headers
    assert "access-control-allow-origin" not in client.get("/", headers=named).headers
    asked = "/api/saes/m/r/text"
    assert client.post(asked, json={"text": "x"}, headers=named).status_code == 503
    assert client.post(asked, json={"text": "x"}, headers=other).status_code == 403
    assert client.post("/model/m/text", data={"text": "x"}, headers=named).status_code == 403


@pytest.mark.parametrize("text", ["*", "localhost:8032", "http://", "http://a/b", "file:///x", "null", "http://a?b"])
def test_what_is_no_origin_is_refused(text: str):
    with pytest.raises(ValueError, match="is no origin"):
        checked_origin(text)


def test_a_search_has_a_longest_text(client: TestClient):
    assert client.get("/search", params={"text": "x" * 1000}).status_code == 503
    answer = client.get("/search", params={"text": "x" * 1001})
    assert answer.status_code == 414
    assert "the search has 1,001 characters, and 1,000 are allowed" in answer.text


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
