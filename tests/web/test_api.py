"""The JSON API: its answers are what SQL says, its OpenAPI file is valid and whole, and what is asked wrongly is a
sentence."""

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from browser import Compass
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from sql.warehouse import connect
from web.api import found_endpoints, query_endpoints
from web.api.endpoint import Endpoint, Question, Services
from web.api.endpoints import examples
from web.api.parameters import Paged
from web.app import app
from web.model_queue import ModelQueue
from web.query_files import Query
from web.text_address import MOST_BYTES
from web.warehouse_file import LatestWarehouse

SAE, FEATURE = "/api/saes/demo/mid", "/api/saes/demo/mid/features/7"
ADDRESSES = [
    "/api/models",
    "/api/saes",
    SAE,
    f"{SAE}/metrics",
    f"{SAE}/training",
    f"{SAE}/specificity",
    f"{SAE}/densities",
    f"{SAE}/spend",
    f"{SAE}/features?sort=detection&descending=true&per_page=3",
    f"{SAE}/windows?text=e",
    FEATURE,
    f"{FEATURE}/examples?kind=interval",
    f"{FEATURE}/scores",
    f"{FEATURE}/ratings",
    f"{FEATURE}/matches",
    "/api/search?text=e&meaning=true",
    "/api/experiments/demo/asked/graphs",
    "/api/experiments/demo/asked/graphs/0?least_share=0.1",
]
NOT_JSON = {f"{FEATURE}/examples.md", f"{FEATURE}/vector"}


def get(visitor: TestClient, address: str) -> Any:
    answer = visitor.get(address)
    assert answer.status_code == 200, f"{address}: {answer.text}"
    return answer.json()


def all_items(visitor: TestClient, address: str, per_page: int) -> list[Any]:
    """Items of a list, page after page, as a client follows them."""
    items, page = [], 1
    while page is not None:
        answer = get(visitor, f"{address}{'&' if '?' in address else '?'}per_page={per_page}&page={page}")
        items += answer["items"]
        page = answer["next_page"]
    assert len(items) == answer["total"]
    return items


@pytest.fixture(scope="module")
def document(visitor: TestClient) -> dict[str, Any]:
    return get(visitor, "/api/openapi.json")


def operation(document: dict[str, Any], address: str) -> dict[str, Any]:
    """What the document says of an address."""
    parts = address.split("?")[0].split("/")

    def fits(path: str) -> bool:
        names = path.split("/")
        return len(names) == len(parts) and all(
            name == part or name.startswith("{") for name, part in zip(names, parts, strict=True)
        )

    best = min((path for path in document["paths"] if fits(path)), key=lambda path: path.count("{"))
    return document["paths"][best]["get"]


def test_the_document_is_openapi(document: dict[str, Any]):
    validate(document)


def test_the_document_has_every_endpoint_and_nothing_else(document: dict[str, Any]):
    said = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert said == {(one.method, f"/api{one.path}") for one in found_endpoints.endpoints() if one.path}
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))


def test_every_endpoint_of_this_house_is_tried_here(document: dict[str, Any]):
    tried = {operation(document, address)["operationId"] for address in [*ADDRESSES, *NOT_JSON]}
    ours = {
        one["operationId"]
        for methods in document["paths"].values()
        for method, one in methods.items()
        if one["tags"] == ["Glasshouse"] and method == "get"
    }
    assert tried == ours


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_answer_is_as_the_document_says(visitor: TestClient, document: dict[str, Any], address: str):
    schema = operation(document, address)["responses"]["200"]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(get(visitor, address))


def test_a_schema_is_no_mere_nod(document: dict[str, Any]):
    schema = operation(document, SAE)["responses"]["200"]["content"]["application/json"]["schema"]
    whole = Draft202012Validator({**schema, "components": document["components"]})
    assert not whole.is_valid({})
    assert not whole.is_valid({"l0": "many"})


def test_the_page_lists_every_endpoint(visitor: TestClient, document: dict[str, Any]):
    page = visitor.get("/api").text
    assert [path for path in document["paths"] if f"{path}<" not in page] == []


def test_a_feature_is_what_sql_says(visitor: TestClient, ask):
    [row] = ask("from feature_card where recipe_id = 'mid' and feature_id = 7")
    found = get(visitor, FEATURE)
    assert (found["density"], found["max_activation"]) == (row.density, row.max_activation)
    assert found["best_label"]["label"] == row.label
    labels = ask("from explanation where recipe_id = 'mid' and feature_id = 7")
    assert {one["explanation_id"] for one in found["labels"]} == {one.explanation_id for one in labels}
    tokens = ask("from logit_effect where recipe_id = 'mid' and feature_id = 7")
    assert sorted(one["token"] for one in found["logits"]) == sorted(one.token for one in tokens)


def test_pages_hold_each_window_once_in_its_order(visitor: TestClient, ask):
    rows = ask("select example_id, activations from example where recipe_id = 'mid' and feature_id = 7")
    items = all_items(visitor, f"{FEATURE}/examples", 7)
    assert sorted(one["example_id"] for one in items) == sorted(row.example_id for row in rows)
    kinds = [one["kind"] for one in items]
    assert kinds == sorted(kinds, key=examples.KINDS.index)


@pytest.mark.parametrize("sort", ["density", "label", "detection"])
def test_pages_of_features_hold_each_once(visitor: TestClient, ask, sort: str):
    [row] = ask("select n_features from sae where recipe_id = 'mid'")
    items = all_items(visitor, f"{SAE}/features?sort={sort}", 17)
    assert sorted(one["feature_id"] for one in items) == list(range(row.n_features))


def test_a_search_finds_what_the_macro_finds(visitor: TestClient, ask):
    rows = ask("from find_features('e')")
    items = all_items(visitor, "/api/search?text=e", 13)
    assert [(one["recipe_id"], one["feature_id"]) for one in items] == [(row.recipe_id, row.feature_id) for row in rows]
    assert len(items) > 13


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/api/nothing", 404, "nothing at /api/nothing"),
        ("/api/saes/demo/none", 404, "no dictionary demo/none"),
        (f"{SAE}/features/999999", 404, "no feature 999999"),
        (f"{SAE}/features/-1", 400, "feature_id is '-1'"),
        (f"{SAE}/features/7e3", 400, "feature_id is '7e3'"),
        (f"{SAE}/features/٧", 400, "feature_id is"),
        (f"{SAE}/features?page=0", 400, "page is '0'"),
        (f"{SAE}/features?page=1000", 404, "past the end"),
        (f"{SAE}/features?per_page=100000", 400, "per_page is '100000'"),
        (f"{SAE}/features?sort=secret", 400, "sort is 'secret'"),
        (f"{SAE}/features?colour=red", 400, "no parameter colour"),
        (f"{SAE}/metrics?page=2", 404, "past the end"),
        ("/api/search?text=e&page=999999999", 404, "past the end"),
        ("/api/search", 400, "text is missing"),
        ("/api/search?text=", 400, "text is ''"),
        (f"/api/search?text={'x' * 1001}", 400, "text is"),
        (f"{FEATURE}/vector", 404, "without a store"),
        (f"{FEATURE}/vector?of=bias", 400, "of is 'bias'"),
        (f"/api/saes/{'m' * 300}/mid", 400, "model_id is"),
    ],
)
def test_what_is_asked_wrongly_is_a_sentence(visitor: TestClient, address: str, status: int, words: str):
    answer = visitor.get(address)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert words in answer.json()["error"]
    assert len(answer.content) < 1000


def test_a_wrong_name_suggests_the_right_one(visitor: TestClient):
    assert "demo/mid" in visitor.get("/api/saes/demo/mit").json()["suggestions"]


@pytest.mark.parametrize(
    "text", ["%FF%FE", "%00", "%ED%A0%80", "%27%3B%20drop%20table%20sae%3B--", "%25%5F", "%E2%80%AE", "{{7*7}}"]
)
def test_hostile_texts_are_texts(visitor: TestClient, text: str):
    assert visitor.get(f"/api/search?text={text}").status_code == 200
    for address in (f"/api/saes/{text}/mid", f"/api/saes/demo/{text}/features/7"):
        answer = visitor.get(address)
        assert answer.status_code == 404
        assert "no dictionary" in answer.json()["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_is_written(visitor: TestClient, method: str):
    assert visitor.request(method, FEATURE).status_code == 405
    assert visitor.request(method, FEATURE).json()["error"].startswith(f"{method} is not answered")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{", 400),
        (b"[" * 100_000, 400),
        (b"\xff", 400),
        (b'{"text": 7}', 400),
        (b'{"text": ""}', 400),
        (b'{"text": "\\ud800"}', 422),  # a text as any: it is only that nothing here runs models
        (b'{"text": "def work"}', 422),
        (b'{"text": "' + b"x" * MOST_BYTES + b'"}', 413),
    ],
)
def test_a_body_of_any_kind_is_answered(visitor: TestClient, body: bytes, status: int):
    answer = visitor.post(f"{SAE}/text", content=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]


@pytest.mark.parametrize("address", [FEATURE, f"{FEATURE}/examples.md", "/api/openapi.json"])
def test_an_answer_that_did_not_change_is_not_sent_again(visitor: TestClient, address: str):
    tag = visitor.get(address).headers["etag"]
    again = visitor.get(address, headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert visitor.get(address, headers={"if-none-match": '"other"'}).status_code == 200


def test_a_warehouse_that_is_missing_or_of_another_schema_is_a_sentence(tmp_path: Path, warehouse: Path):
    file = tmp_path / "warehouse.duckdb"
    client = TestClient(app(file))
    answer = client.get("/api/saes")
    assert (answer.status_code, "there is no warehouse" in answer.json()["error"]) == (503, True)
    shutil.copy(warehouse, file)
    with duckdb.connect(str(file)) as con:
        con.execute("update _publication set schema_sha256 = repeat('0', 64)")
    answer = client.get(FEATURE)
    assert (answer.status_code, "schema 000000000000" in answer.json()["error"]) == (503, True)
    assert client.get("/api/openapi.json").status_code == 200


def test_one_answer_is_of_one_file_whatever_is_published_meanwhile(tmp_path: Path, warehouse: Path):
    file = tmp_path / "warehouse.duckdb"
    shutil.copy(warehouse, file)
    services = Services(LatestWarehouse(file))
    question = Question(services.latest.get(), services)
    before = question.rows("saes", {})
    shutil.copy(warehouse, tmp_path / "next.duckdb")
    with duckdb.connect(str(tmp_path / "next.duckdb")) as con:
        con.execute("update feature set decoder_norm = 2")
    (tmp_path / "next.duckdb").replace(file)
    assert question.rows("saes", {}) == before
    asked = {"model_id": "demo", "recipe_id": "mid", "feature_id": 7}
    [unread] = question.rows("feature", asked)
    [new] = Question(services.latest.get(), services).rows("feature", asked)
    assert (unread["decoder_norm"] != 2, new["decoder_norm"]) == (True, 2)


def test_another_site_is_refused_in_json(warehouse: Path):
    from web.request_origin import RequestOrigin

    client = TestClient(RequestOrigin(app(warehouse)), base_url="http://127.0.0.1:8765")
    answer = client.get("/api/saes", headers={"host": "evil.example"})
    assert (answer.status_code, "do not go by the name" in answer.json()["error"]) == (403, True)
    answer = client.post(f"{SAE}/text", json={"text": "x"}, headers={"origin": "http://evil.example"})
    assert (answer.status_code, "another site" in answer.json()["error"]) == (403, True)


def test_a_query_with_a_path_in_its_second_line_is_an_endpoint(monkeypatch: pytest.MonkeyPatch):
    sql = "-- How many.\n-- api: /saes/{model_id}/{recipe_id}/counts\nselect 1 where $model_id = $recipe_id"
    given = {"counts": Query("counts", "How many.", sql, ("model_id", "recipe_id"))}
    monkeypatch.setattr(query_endpoints, "queries", lambda: given)
    [found] = query_endpoints.query_endpoints()
    assert isinstance(found, Endpoint)
    assert (found.path, found.name, found.title) == ("/saes/{model_id}/{recipe_id}/counts", "counts", "How many.")
    assert issubclass(found.parameters, Paged)
    monkeypatch.setitem(given, "counts", Query("counts", "", "-- How.\n-- api: /x/{secret}\nselect 1", ()))
    with pytest.raises(ValueError, match="secret"):
        list(query_endpoints.query_endpoints())


def test_markdown_holds_the_strongest_windows_and_marks_nothing_up(visitor: TestClient, ask):
    answer = visitor.get(f"{FEATURE}/examples.md")
    assert answer.headers["content-type"].startswith("text/markdown")
    [row] = ask("select max(activation) as most from example where recipe_id = 'mid' and feature_id = 7")
    heading, _, first, *_ = answer.text.splitlines()
    assert heading.startswith("**demo/mid/7: ")
    assert first.startswith(f"- {row.most:.4g}: ")


def test_numbers_that_json_lacks_are_null():
    from web.api.json_values import to_json

    values = {"a": [float("nan"), float("inf"), 1.5], "b": "\ud800"}
    assert json.loads(to_json(values)) == {"a": [None, None, 1.5], "b": "?"}


def test_the_file_stays_as_it_was(warehouse: Path, visitor: TestClient):
    before = warehouse.read_bytes()
    for address in ADDRESSES:
        get(visitor, address)
    assert warehouse.read_bytes() == before
    connect(warehouse).close()


def test_a_search_by_meaning_waits_for_its_turn_and_one_by_text_does_not(warehouse: Path, monkeypatch):
    queued: list[str] = []
    run = ModelQueue.run

    async def recorded(self, work, is_gone=None):
        queued.append("one")
        return await run(self, work) if is_gone is None else await run(self, work, is_gone)

    monkeypatch.setattr(ModelQueue, "run", recorded)
    visitor = TestClient(app(warehouse, embedder=Compass()))
    get(visitor, "/api/search?text=e")
    assert queued == []
    assert get(visitor, "/api/search?text=e&meaning=true")["meaning_refused"] is None
    assert queued == ["one"]
