"""The MCP server, asked by the SDK's own client: what each tool says is what the API says, and errors are sentences."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from browser import Compass, EchoReader
from jsonschema import Draft202012Validator
from mcp import Client
from starlette.testclient import TestClient

from web.api.endpoint import Services
from web.api.openapi import openapi
from web.api.tool_server import MOST_BYTES, tool_server, tools
from web.app import app
from web.warehouse_file import LatestWarehouse

FEATURE = {"model_id": "demo", "recipe_id": "mid", "feature_id": 7}
DICTIONARY = {"model_id": "demo", "recipe_id": "mid"}


def with_client(server: Any, ask: Callable[[Client], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with Client(server) as client:
            return await ask(client)

    return anyio.run(run)


@pytest.fixture(scope="module")
def services(warehouse: Path) -> Services:
    return Services(LatestWarehouse(warehouse), EchoReader(), Compass())


def call(services: Services, name: str, **arguments: Any) -> Any:
    return with_client(tool_server(services), lambda client: client.call_tool(name, arguments))


CALLS = {
    "list_dictionaries": {},
    "get_dictionary": DICTIONARY,
    "list_features": DICTIONARY | {"per_page": 3, "sort": "density", "descending": True},
    "get_feature": FEATURE,
    "get_examples": FEATURE | {"kind": "top"},
    "search_features": {"text": "e"},
    "search_windows": DICTIONARY | {"text": "e"},
    "read_text": DICTIONARY | {"text": "to be or"},
    "get_attribution_graph": {"model_id": "demo", "experiment_id": "asked", "prompt_id": 0, "least_share": 0.1},
    "query_sql": {"query": "select sae_id, created_at from sae_summary order by all"},
}


def test_every_tool_is_described_and_called_here(services: Services):
    listed = with_client(tool_server(services), lambda client: client.list_tools()).tools
    assert {tool.name for tool in listed} == CALLS.keys() == tools().keys()
    for tool in listed:
        Draft202012Validator.check_schema(tool.input_schema)
        Draft202012Validator(tool.input_schema).validate(CALLS[tool.name])
        assert tool.description
        assert tool.annotations.read_only_hint


@pytest.mark.parametrize("name", CALLS)
def test_a_tool_says_what_the_document_says(services: Services, name: str):
    answer = call(services, name, **CALLS[name])
    assert not answer.is_error, answer.content[0].text
    whole = {**tools()[name].schema, "components": openapi()["components"]}
    Draft202012Validator(whole).validate(answer.structured_content)
    assert json.loads(answer.content[0].text) == answer.structured_content


def test_a_tool_says_what_the_api_says(services: Services, visitor: TestClient):
    found = call(services, "get_feature", **FEATURE).structured_content
    assert found == visitor.get("/api/saes/demo/mid/features/7").json()
    on_text = call(services, "read_text", **DICTIONARY, text="to be or").structured_content
    client = TestClient(app(services.latest.file, EchoReader()))
    assert on_text == client.post("/api/saes/demo/mid/text", json={"text": "to be or"}).json()
    assert on_text["features"][0]["activations"][-1] == {"token": 3, "activation": 3.0}


def test_sql_has_a_limit_of_rows(services: Services):
    found = call(services, "query_sql", query="select * from range(50)", most=7).structured_content
    assert (len(found["rows"]), found["is_cut"]) == (7, True)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("forget_everything", {}, "there is no tool 'forget_everything'"),
        ("get_feature", {}, "model_id is missing"),
        ("get_feature", FEATURE | {"recipe_id": "mit"}, "(there is demo/mid"),
        ("get_feature", FEATURE | {"feature_id": 10**6}, "no feature 1000000"),
        ("get_feature", FEATURE | {"feature_id": "seven"}, "feature_id is 'seven'"),
        ("list_features", DICTIONARY | {"page": 10**6}, "past the end"),
        ("search_features", {"text": "e", "mode": "fast"}, "no parameter mode"),
        ("query_sql", {"query": "drop table sae"}, "read-only"),
        ("query_sql", {"query": "from sae", "most": 10**6}, "most is 1000000"),
        ("query_sql", {"query": f"select repeat('x', {MOST_BYTES})"}, "ask for fewer rows"),
        ("query_sql", {"query": "\ud800"}, "Parser Error"),
    ],
)
def test_what_is_asked_wrongly_is_a_sentence(services: Services, name: str, arguments: dict[str, Any], words: str):
    answer = call(services, name, **arguments)
    assert answer.is_error
    assert words in answer.content[0].text


def test_without_a_warehouse_each_tool_says_so(tmp_path: Path):
    services = Services(LatestWarehouse(tmp_path / "none.duckdb"))
    for name, arguments in CALLS.items():
        answer = call(services, name, **arguments)
        assert answer.is_error
        assert "there is no warehouse" in answer.content[0].text
