"""What programs are given of a dictionary that was really made: its weights as they are stored, and the MCP server as a
command."""

import io
import os
import sys
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from command_line import glasshouse
from mcp import Client, StdioServerParameters
from small_house import store_of
from starlette.testclient import TestClient

from pipelines.cli import tool_server
from pipelines.serving.vector_reader import StoredVectorReader
from pipelines.store.store import Store
from pipelines.store.stored_dictionary import stored_dictionary
from web.api.endpoint import Services
from web.api.tool_server import tool_server as server_of
from web.api.tool_server import tools
from web.app import app

OWN = {"model_id": "first", "recipe_id": "small"}
FEATURE = "/api/saes/first/small/features/9"


@pytest.fixture(scope="module")
def house(made_house: Path) -> tuple[Store, Path]:
    return store_of(made_house), made_house


@pytest.fixture(scope="module")
def client(house: tuple[Store, Path]) -> TestClient:
    return TestClient(app(house[0].published, vectors=StoredVectorReader(house[0])))


def test_vectors_are_those_of_the_stored_dictionary(house: tuple[Store, Path], client: TestClient):
    sae = stored_dictionary(house[0].layout.sae_at("first", "small"))
    tensors = sae.state_dict() | {"W_dec": sae.W_dec.detach(), "W_enc": sae.W_enc.detach()}
    wanted = {"decoder": tensors["W_dec"][9].numpy(), "encoder": tensors["W_enc"][:, 9].numpy()}
    for of, vector in wanted.items():
        found = client.get(f"{FEATURE}/vector?of={of}").json()
        assert found["of"] == of
        np.testing.assert_array_equal(np.array(found["vector"], dtype=np.float32), vector)
        answer = client.get(f"{FEATURE}/vector?of={of}&format=npy")
        assert answer.headers["content-type"] == "application/x-npy"
        np.testing.assert_array_equal(np.load(io.BytesIO(answer.content), allow_pickle=False), vector)
    assert not np.array_equal(wanted["decoder"], wanted["encoder"])


def test_weights_that_are_not_at_hand_are_a_sentence(house: tuple[Store, Path], tmp_path: Path):
    elsewhere = Store(home=str(tmp_path / "empty"), registry=str(house[1] / "registry"), warehouse=house[0].warehouse)
    client = TestClient(app(house[0].published, vectors=StoredVectorReader(elsewhere)))
    answer = client.get(f"{FEATURE}/vector")
    assert answer.status_code == 404
    assert "holds no weights of first/small" in answer.json()["error"]


def in_this_process() -> Any:
    """The server that the command would run on standard streams."""
    given: list[Services] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tool_server.anyio, "run", lambda serve, services: given.append(services))
        assert glasshouse("mcp").returncode == 0
    return server_of(*given)


def as_a_process() -> Any:
    command = ["-c", "from pipelines.cli.main import main; main()", "mcp"]
    places = {name: value for name, value in os.environ.items() if name.startswith(("GLASSHOUSE_", "PYTHONPATH"))}
    return StdioServerParameters(command=sys.executable, args=command, env=places, cwd=os.getcwd())


@pytest.mark.parametrize("started", [in_this_process, pytest.param(as_a_process, marks=pytest.mark.slow)])
def test_the_command_answers_from_the_store(house: tuple[Store, Path], monkeypatch: pytest.MonkeyPatch, started):
    """Over standard streams too, which the SDK brings."""
    store, root = house
    for name, place in {
        "GLASSHOUSE_HOME": root / "data",
        "GLASSHOUSE_REGISTRY": root / "registry",
        "GLASSHOUSE_WAREHOUSE": store.published,
    }.items():
        monkeypatch.setenv(name, str(place))
    server = started()

    async def ask() -> dict[str, Any]:
        async with Client(server) as client:
            return {
                "tools": (await client.list_tools()).tools,
                "rows": await client.call_tool("query_sql", {"query": "select n_features from sae"}),
                "text": await client.call_tool("read_text", OWN | {"text": "total_1 = item_2 + step_3"}),
                "wrong": await client.call_tool("get_feature", OWN | {"feature_id": 64}),
            }

    found = anyio.run(ask)
    assert {tool.name for tool in found["tools"]} == tools().keys()
    assert found["rows"].structured_content["rows"] == [{"n_features": 64}]
    read = found["text"].structured_content
    words = [token for place, token in enumerate(read["tokens"]) if str(place) not in read["left_out"]]
    assert "".join(words) == "total_1 = item_2 + step_3"
    assert found["text"].structured_content["n_features"] > 0
    assert "there is no feature 64" in found["wrong"].content[0].text
