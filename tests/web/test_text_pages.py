"""The page of a reader's own text: what it shows, its address, what it refuses; any text stays text."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from urllib.request import urlopen

import pytest
from browser import EchoReader, served
from starlette.testclient import TestClient

from web.app import app
from web.snippets import Snippets
from web.text_address import MOST_CHARACTERS, MOST_IN_ADDRESS

PAGE = "/model/demo/text"
HOSTILE = [
    "<script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202eabc\0",
    "{{ 7*7 }}",
    "😀 漢字",
    "'; drop table feature; --",
    "<!-- the rest -->",
]


class Counted(EchoReader):
    """Notes what was read."""

    def __init__(self) -> None:
        self.read_texts: list[str] = []

    def read(self, model_id, text, recipe_ids, is_chat, report):
        self.read_texts.append(text)
        return super().read(model_id, text, recipe_ids, is_chat, report)


@pytest.fixture
def reader() -> Counted:
    return Counted()


@pytest.fixture
def client(warehouse: Path, reader: Counted) -> TestClient:
    return TestClient(app(warehouse, reader))


def address(**fields: str) -> str:
    return f"{PAGE}?{urlencode(fields)}"


def form_of(client: TestClient, **fields: str):
    return client.post(PAGE, content=urlencode(fields), follow_redirects=False)


def test_all_dictionaries_are_read_by_layer_and_one_alone_by_choice(client, read):
    heads = [h.text for h in read(client.get(address(text="one two")).text).section("strongest").all("h3")]
    assert [head.split(",")[0] for head in heads] == ["Layer 0", "Layer 1"]
    page = read(client.get(address(text="one two", dictionary="mid")).text)
    [head] = page.section("strongest").all("h3")
    assert head.one("a").attributes["href"] == "/sae/demo/mid"


def test_a_token_is_picked_and_shows_its_features_with_labels_and_activations(client, read, ask):
    page = read(client.get(address(text="one two three", token="2")).text)
    rows = page.section("token_features").rows
    [label] = ask("select label from _feature_summary where recipe_id = 'mid' and feature_id = 0")
    [most] = ask("select max_activation as m from feature where recipe_id = 'mid' and feature_id = 0")
    links = {row[0].one("a").attributes["href"]: row for row in rows}
    row = links["/sae/demo/mid/0"]
    assert row[1].text == label.label
    assert row[2].values == ["2.0"]
    assert float(row[3].values[0]) == pytest.approx(2 / most.m)
    assert "/sae/demo/late/0" in links


def test_a_feature_is_picked_and_shades_every_token(client, read):
    section = read(client.get(address(text="one two three", feature="mid/0")).text).section("tokens")
    buttons = section.one("div", role="group").all("button")
    assert [button.text for button in buttons] == ["<|bos|>", "one·", "two·", "three·"]
    assert [button.attributes.get("title") for button in buttons] == ["put around every context", "1", "2", "3"]
    assert "left-out" in buttons[0].attributes["class"]
    assert "a10" in buttons[3].attributes["class"]
    assert "it fires on 3 tokens, at most 3" in section.one("p", id="picked").text
    silent = read(client.get(address(text="one two three", feature="mid/5")).text).section("tokens")
    assert "it fires on none of the tokens" in silent.one("p", id="picked").text


def test_what_is_left_out_is_said_with_its_reason(client, read):
    page = read(client.get(address(text="one", token="0")).text)
    assert "put around every context: <|bos|> at 0" in page.section("tokens").one("li").text
    assert "this token is left out (put around every context)" in page.section("token_features").text


def test_pages_of_one_text_are_made_from_one_reading(client, reader):
    for more in ({}, {"token": "1"}, {"feature": "mid/0"}, {"token": "2", "feature": "late/0"}):
        client.get(address(text="one two three", **more))
    assert reader.read_texts == ["one two three"]
    client.get(address(text="one two three", chat="yes"))
    client.get(address(text="one two three", dictionary="mid"))
    assert len(reader.read_texts) == 3, "what reads the text decides what is found"


def test_a_form_leads_to_an_address_that_holds_the_text(client):
    answer = form_of(client, text="a\r\nb\tc & d", dictionary="mid", chat="yes")
    assert answer.status_code == 303
    assert parse_qs(urlsplit(answer.headers["location"]).query) == {
        "text": ["a\nb\tc & d"],
        "dictionary": ["mid"],
        "chat": ["yes"],
    }
    assert client.get(answer.headers["location"]).status_code == 200


def test_a_long_text_is_named_by_its_hash_and_forgotten_unless_a_folder_keeps_it(warehouse, reader, tmp_path, read):
    text = "word " * MOST_IN_ADDRESS
    plain = TestClient(app(warehouse, reader))
    where = form_of(plain, text=text).headers["location"]
    assert len(where) < 100
    page = read(plain.get(where).text)
    assert page.one("textarea").text.strip() == text.strip()
    assert "as long as the server remembers it" in page.section("form").text
    assert not list(tmp_path.iterdir()), "nothing is stored where nobody asked for it"
    again = TestClient(app(warehouse, reader)).get(where)
    assert again.status_code == 404
    assert "no longer known here" in again.text
    keeping = TestClient(app(warehouse, reader, kept_texts=tmp_path / "kept"))
    assert form_of(keeping, text=text).headers["location"] == where
    restarted = TestClient(app(warehouse, reader, kept_texts=tmp_path / "kept"))
    assert "as long as" not in read(restarted.get(where).text).section("form").text
    [file] = (tmp_path / "kept").iterdir()
    file.write_text("another text")
    assert TestClient(app(warehouse, reader, kept_texts=tmp_path / "kept")).get(where).status_code == 404


def test_a_short_text_is_never_stored(warehouse, reader, tmp_path):
    keeping = TestClient(app(warehouse, reader, kept_texts=tmp_path / "kept"))
    keeping.get(form_of(keeping, text="short").headers["location"])
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "x", "0" * 31, "0" * 32, "A" * 32, "%00"])
def test_a_name_of_no_text_is_none(tmp_path, client, name):
    assert Snippets(tmp_path).get(name) is None
    assert client.get(f"{PAGE}?snippet={quote(name)}").status_code == 404


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_stays_text_and_is_read_as_it_was_typed(client, reader, read, text):
    for fields in ({}, {"token": "1"}, {"feature": "mid/0"}):
        answer = client.get(address(text=text, **fields))
        assert answer.status_code == 200
        page = read(answer.text)  # an element that the text had opened would be out of turn
        assert not [script for script in page.all("script") if "src" not in script.attributes]
        assert not page.all("img")
        assert "\u202e" not in answer.text
        assert "\0" not in answer.text
        assert page.all("section", id="strongest")
    assert reader.read_texts == [text]
    picked = read(client.get(address(text=text)).text).one("form", id="pick-token")
    fields = {field.attributes["name"]: field.attributes["value"] for field in picked.all("input")}
    assert client.get(address(**fields, token="1")).status_code == 200
    assert reader.read_texts == [text], "picking a token reads the same text"


def test_a_refusal_is_shown_as_text(client):
    answer = client.get(address(text="no"))
    assert "because &lt;b&gt;no&lt;/b&gt;" in answer.text
    assert answer.text.rstrip().endswith("</html>")


def test_a_mistake_of_ours_ends_the_page_with_a_sentence(warehouse):
    class Broken(EchoReader):
        def read(self, model_id, text, recipe_ids, is_chat, report):
            raise KeyError("x")

    client = TestClient(app(warehouse, Broken()), raise_server_exceptions=False)
    assert "the text could not be read (KeyError): the server" in client.get(address(text="a")).text


@pytest.mark.parametrize("n", [MOST_CHARACTERS + 1, 5_000_000])
def test_a_text_beyond_any_model_is_refused_before_it_is_read(client, reader, n):
    answer = client.post(PAGE, content=b"text=" + b"x" * n)
    assert answer.status_code == 413
    assert "100,000 characters" in answer.text
    assert not reader.read_texts


def test_a_text_of_100_kB_is_read(client, reader):
    assert client.post(PAGE, content=b"text=" + b"x" * MOST_CHARACTERS).status_code == 200
    assert [*map(len, reader.read_texts)] == [MOST_CHARACTERS]


@pytest.mark.parametrize("body", [b"", b"text", b"other=1", b"text=", b"\xff\xfe", b"text=%ff%fe%ed%a0%80"])
def test_a_form_that_is_none_is_no_mistake_of_ours(client, body):
    assert client.post(PAGE, content=body).status_code == 200


def test_a_form_of_many_fields_is_refused(client):
    assert client.post(PAGE, content=b"a=1&" * 30).status_code == 413


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("/model/none/text", 404, "there is no model none with a dictionary"),
        (f"{PAGE}?dictionary=none", 404, "demo has no dictionary none"),
        (f"{PAGE}?text=a&token=x", 404, "a token is a number"),
        (f"{PAGE}?text=a&token=9999", 200, ""),
        (f"{PAGE}?text=a&feature=x", 404, "a feature is written as recipe/number"),
        (f"{PAGE}?text=a&feature=mid/9999", 404, "demo has no feature mid/9999"),
        (f"{PAGE}?text=a&feature=none/1", 404, "demo has no feature none/1"),
        (f"{PAGE}?text={'x' * 4001}", 414, "longer than 4,000 characters"),
    ],
)
def test_what_there_is_not_is_a_sentence(client, asked, status, said):
    answer = client.get(asked)
    assert answer.status_code == status
    assert said in answer.text


def test_pages_without_a_reader_say_so(visitor):
    assert "started without anything that runs models" in visitor.get(address(text="def")).text


def test_another_site_makes_nothing_run(client, reader):
    embedded = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "image"}
    answer = client.get(address(text="one"), headers=embedded)
    assert "another site asked for this text to be read" in answer.text
    assert not reader.read_texts
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "document", "sec-fetch-user": "?1"}
    client.get(address(text="one"), headers=followed)
    assert reader.read_texts == ["one"]


class Slow(EchoReader):
    """Takes its time, and Python's own lock for a part of it."""

    def __init__(self, seconds: float = 0.3) -> None:
        self.begun, self.n_ended, self.seconds = threading.Event(), 0, seconds

    def read(self, model_id, text, recipe_ids, is_chat, report):
        self.begun.set()
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            report("still at it")
            sum(range(1000))
            time.sleep(0.001)
        self.n_ended += 1
        return super().read(model_id, text, recipe_ids, is_chat, report)


def test_sixty_texts_at_once_leave_the_pages_fast_and_most_hear_that_it_is_busy(warehouse):
    with served(app(warehouse, Slow(0.15))) as home, ThreadPoolExecutor(60) as clients:

        def status(n: int) -> int:
            try:
                with urlopen(f"{home}{PAGE}?text={n}", timeout=60) as answer:
                    answer.read()
                    return answer.status
            except OSError as error:
                return getattr(error, "code", 0)

        def seconds() -> float:
            began = time.monotonic()
            urlopen(f"{home}/", timeout=60).read()
            return time.monotonic() - began

        seconds()
        asked = [clients.submit(status, n) for n in range(60)]
        took = sorted(seconds() for _ in range(30))
        statuses = [one.result() for one in asked]
    assert took[15] < 0.1, took
    assert statuses.count(200) >= 17
    assert statuses.count(503) == 60 - statuses.count(200)


def test_a_client_that_leaves_frees_its_place(warehouse):
    reader = Slow()
    with served(app(warehouse, reader)) as home:
        for n in range(8):
            answer = urlopen(f"{home}{PAGE}?text=leaves-{n}", timeout=60)
            answer.read(50)
            answer.close()
        began = time.monotonic()
        urlopen(f"{home}{PAGE}?text=stays", timeout=60).read()
        assert time.monotonic() - began < 8 * 0.3, "the others were not read first"
        assert reader.n_ended < 6
