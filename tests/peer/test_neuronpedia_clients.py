"""Clients of Neuronpedia, each its own code in an environment of its own, read features from our server.

GLASSHOUSE_PEER_NEURONPEDIA names a Python that has `neuronpedia` and `pydantic`, GLASSHOUSE_PEER_PYTHON one that has
`sae-lens`, and GLASSHOUSE_PEER_CIRCUIT_TRACER a checkout of circuit-tracer; then `pytest -m peer` with this file.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import EchoReader, served
from door_house import exported_house
from starlette.testclient import TestClient

from pipelines.store.publication import publish_store
from web.app import app

CLIENT, SAELENS = os.environ.get("GLASSHOUSE_PEER_NEURONPEDIA"), os.environ.get("GLASSHOUSE_PEER_PYTHON")
CIRCUIT_TRACER = os.environ.get("GLASSHOUSE_PEER_CIRCUIT_TRACER")
pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Any:
    store, _ = exported_house(tmp_path_factory.mktemp("house"))
    publish_store(store)
    return app(store.published, EchoReader())


@pytest.fixture(scope="module")
def address(answering: Any) -> Iterator[str]:
    with served(answering) as address:
        yield address


@pytest.fixture(scope="module")
def feature(answering: Any) -> dict[str, Any]:
    return TestClient(answering).get("/api/feature/demo/2-mid/0").json()


def read(python: str, script: str, *given: str) -> Any:
    """The last line that a script of this folder prints."""
    command = [python, str(Path(__file__).parent / script), *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(not CLIENT, reason="GLASSHOUSE_PEER_NEURONPEDIA names no Python that has neuronpedia")
def test_their_client_reads_features_and_texts(address: str, feature: dict[str, Any]):
    found = read(str(CLIENT), "neuronpedia_client.py", address, "demo", "2-mid", "0", "to be or")
    assert found["density"] == feature["frac_nonzero"]
    assert found["labels"] == [one["description"] for one in feature["explanations"]]
    assert found["labels"]
    assert found["strongest"] == [one["maxValue"] for one in feature["activations"]]
    assert found["fractions"] == [one["binContains"] for one in feature["activations"]]
    assert found["promoted"] == feature["pos_str"]
    assert (found["tokens"], found["values"]) == (["to ", "be ", "or "], [1.0, 2.0, 3.0])
    assert found["n_texts"] == [2, 2]
    assert found["by_token"] == [[0], [0], [0]]
    assert found["of_text"] == {"0": [1.0, 2.0, 3.0]}


@pytest.mark.skipif(not SAELENS, reason="GLASSHOUSE_PEER_PYTHON names no Python that has sae-lens")
def test_saelens_reads_a_feature(address: str, feature: dict[str, Any]):
    found = read(str(SAELENS), "saelens_neuronpedia.py", address, "demo", "2", "mid", "0")
    assert found == {name: feature[name] for name in found} | {"index": 0}


@pytest.mark.skipif(not CIRCUIT_TRACER, reason="GLASSHOUSE_PEER_CIRCUIT_TRACER names no checkout of circuit-tracer")
def test_circuit_tracer_reads_a_feature_file(address: str, feature: dict[str, Any]):
    file = f"{address}/api/features/demo/2-mid/0.json"
    found = read(sys.executable, "circuit_tracer_feature.py", str(CIRCUIT_TRACER), file)
    assert found["top_logits"] == feature["pos_str"]
    assert found["activation_frequency"] == feature["frac_nonzero"]
    assert found["examples_quantiles"]
