"""Labels written on a page: only by the page's own form, never over what somebody else wrote meanwhile."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient
from warehouse_registry import registry_of_the_warehouse

from pipelines.serving.label_editor import RegistryLabelEditor, require_loopback
from pipelines.store.store import Store
from web.app import app
from web.request_origin import RequestOrigin

PAGE = "/sae/demo/mid/3"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def store(warehouse: Path, tmp_path: Path) -> Store:
    return registry_of_the_warehouse(warehouse, tmp_path)


@pytest.fixture
def client(warehouse: Path, store: Store) -> TestClient:
    served = RequestOrigin(app(warehouse, editor=RegistryLabelEditor(store)))
    return TestClient(served, base_url="http://127.0.0.1:8765", follow_redirects=False)


def rows(store: Store) -> list[str]:
    file = Path(store.registry_folder.path) / "labels" / "demo" / "mid.csv"
    return [line.rsplit(",", 2)[0] for line in file.read_text().splitlines()[1:]] if file.exists() else []


def form(client: TestClient, read: Callable, page: str = PAGE) -> dict[str, str]:
    """The fields of the form on a page, as its server filled them."""
    shown = read(client.get(page).text).section("your_label")
    return {field.attributes["name"]: field.attributes.get("value", "") for field in shown.all("input")}


def send(client: TestClient, fields: dict[str, str], page: str = PAGE, headers: dict[str, str] | None = None):
    return client.post(f"{page}/label", content=urlencode(fields), headers=FORM | (headers or {}))


def test_what_is_typed_becomes_a_row_of_the_registry(client: TestClient, store: Store, read: Callable):
    fields = form(client, read)
    answer = send(client, fields | {"label": "the word, \r\n \u202eשלום", "author": "anna"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#your_label")
    assert rows(store) == ['3,"the word, \u202eשלום",anna']
    shown = read(client.get(PAGE).text).section("your_label")
    assert "the word, \\u202eשלום" in shown.all("li")[0].text
    assert "anna" in shown.text


def test_pages_that_were_not_started_to_be_edited_have_no_form_and_take_no_label(warehouse: Path, read: Callable):
    client = TestClient(app(warehouse))
    page = client.get(PAGE)
    assert not read(page.text).all("section", id="your_label")
    assert "frame-ancestors" not in page.headers["content-security-policy"]
    answer = send(client, {"label": "x"})
    assert answer.status_code == 403
    assert "read-only" in answer.text


@pytest.mark.parametrize("token", ["", "guessed", "é"])
def test_an_edit_without_the_token_is_refused(client: TestClient, store: Store, read: Callable, token: str):
    answer = send(client, form(client, read) | {"token": token, "label": "<b>forged</b>", "author": ""})
    assert answer.status_code == 403
    assert "lacks the token" in answer.text
    assert "forged" not in answer.text
    assert rows(store) == []


def test_an_edit_from_another_site_is_refused_even_with_the_token(client: TestClient, store: Store, read: Callable):
    fields = form(client, read) | {"label": "forged", "author": ""}
    for headers in ({"origin": "http://attacker.example"}, {"sec-fetch-site": "cross-site"}, {"host": "a.example"}):
        assert send(client, fields, headers=headers).status_code == 403
    assert rows(store) == []
    assert "frame-ancestors 'none'" in client.get(PAGE).headers["content-security-policy"]


def test_of_two_who_edit_one_label_the_second_is_told_and_loses_nothing(
    client: TestClient, store: Store, read: Callable
):
    first, second = form(client, read), form(client, read)
    assert send(client, first | {"label": "first", "author": ""}).status_code == 303
    answer = send(client, second | {"label": "second & <last>", "author": ""})
    assert answer.status_code == 409
    page = read(answer.text).section("your_label")
    assert page.one("p", role="alert").text.startswith("feature 3 of demo/mid has 'first' by somebody unnamed")
    assert page.one("textarea").text.strip() == "second & <last>"
    assert rows(store) == ["3,first,"]
    again = {field.attributes["name"]: field.attributes.get("value", "") for field in page.all("input")}
    assert send(client, again | {"label": "both", "author": ""}).status_code == 303
    assert rows(store) == ["3,both,"]


@pytest.mark.parametrize(
    ("label", "status", "named"),
    [
        ("", 409, "this is no label (an empty text)"),
        ("3", 409, "the feature&#39;s own number"),
        ("a" * 301, 409, "301 characters"),
        ("a" * 100_000, 413, "longer than 64,000 bytes"),
    ],
)
def test_what_is_no_label_is_refused_with_a_sentence(
    client: TestClient, store: Store, read: Callable, label: str, status: int, named: str
):
    answer = send(client, form(client, read) | {"label": label, "author": ""})
    assert answer.status_code == status
    assert named in answer.text
    assert rows(store) == []


def test_a_feature_or_dictionary_that_is_not_there_takes_no_label(client: TestClient, store: Store, read: Callable):
    fields = form(client, read) | {"label": "x y", "author": ""}
    for page in ("/sae/demo/mid/12", "/sae/demo/none/3"):
        assert send(client, fields, page).status_code == 404
    unasked = send(client, fields, "/sae/demo/late/3")
    assert unasked.status_code == 409
    assert "the registry asks for no" in unasked.text
    assert rows(store) == []


def test_a_file_of_labels_that_cannot_be_read_is_said_where_one_would_write(
    client: TestClient, store: Store, read: Callable
):
    folder = Path(store.registry_folder.path) / "labels" / "demo"
    folder.mkdir(parents=True)
    (folder / "mid.csv").write_text("nonsense\n")
    page = read(client.get(PAGE).text).section("your_label")
    assert re.search(r"mid\.csv, line 1: found the columns nonsense", page.one("p", role="alert").text)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.9.1"])
def test_pages_of_this_machine_may_be_edited(host: str):
    require_loopback(host, [])


@pytest.mark.parametrize(("host", "names"), [("0.0.0.0", []), ("::", []), ("glass", []), ("127.0.0.1", ["glass"])])
def test_pages_that_others_reach_may_not(host: str, names: list[str]):
    with pytest.raises(ValueError, match="leave out --host and --name"):
        require_loopback(host, names)
