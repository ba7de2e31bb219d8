"""Shapes of Neuronpedia and circuit-tracer: what the API answers is what an export of the same dictionary says."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from browser import Compass, EchoReader
from door_house import exported_house
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from pipelines.store.publication import publish_store
from pipelines.store.store import Store
from web.api.found_endpoints import endpoints
from web.api.openapi import openapi
from web.app import app

FEATURE = 7
OF_SOURCE = {"modelId": "demo", "source": "2-mid"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Path]:
    store, folder = exported_house(tmp_path_factory.mktemp("house"))
    publish_store(store)
    return store, folder


@pytest.fixture(scope="module")
def client(exported: tuple[Store, Path]) -> TestClient:
    return TestClient(app(exported[0].published, EchoReader(), Compass()))


def lines(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Lines of an export about the feature."""
    with gzip.open(folder / kind / "batch-0.jsonl.gz", "rt") as file:
        return [line for line in map(json.loads, file) if line["index"] == str(FEATURE)]


def post(client: TestClient, path: str, **body: Any) -> Any:
    answer = client.post(f"/api/{path}", json=body)
    assert answer.status_code == 200, answer.text
    [endpoint] = [one for one in endpoints() if one.path == f"/{path.rstrip('/')}"]
    whole = {**endpoint.schema, "components": openapi()["components"]}
    Draft202012Validator(whole).validate(answer.json())
    return answer.json()


@pytest.fixture(scope="module")
def feature(client: TestClient) -> dict[str, Any]:
    answer = client.get(f"/api/feature/demo/2-mid/{FEATURE}")
    assert answer.status_code == 200, answer.text
    [endpoint] = [one for one in endpoints() if one.name == "np_feature"]
    Draft202012Validator(endpoint.schema).validate(answer.json())
    return answer.json()


def test_a_feature_is_the_line_of_an_export(feature: dict[str, Any], exported: tuple[Store, Path]):
    [line] = lines(exported[1], "features")
    apart = {"correlated_features_pearson", "createdAt"}
    assert {name: feature[name] for name in line.keys() - apart} == {name: line[name] for name in line.keys() - apart}
    assert feature["correlated_features_pearson"] == pytest.approx(line["correlated_features_pearson"], abs=1e-6)
    assert len(line["correlated_features_pearson"]) > 0
    assert len(line["pos_str"]) > 0


def test_its_windows_are_the_lines_of_an_export(feature: dict[str, Any], exported: tuple[Store, Path]):
    fires = [line for line in lines(exported[1], "activations") if line["maxValue"] > 0]
    fires = [line | {"binContains": None} if line["binContains"] == -1 else line for line in fires]
    assert {line["binMin"] for line in fires if line["binContains"] is None} == {-1.0}
    apart = {"id", "createdAt", "source"}

    def plain(rows: list[dict[str, Any]]) -> list[str]:
        return sorted(json.dumps({k: v for k, v in row.items() if k not in apart}, sort_keys=True) for row in rows)

    assert plain(feature["activations"]) == plain(fires)
    strongest = [row["maxValue"] for row in feature["activations"]]
    assert strongest == sorted(strongest, reverse=True)
    assert post(client_of(exported), "activation/get", **OF_SOURCE, index=str(FEATURE)) == feature["activations"]


def client_of(exported: tuple[Store, Path]) -> TestClient:
    return TestClient(app(exported[0].published))


def test_its_labels_are_the_lines_of_an_export(feature: dict[str, Any], exported: tuple[Store, Path]):
    kept = ("id", "description", "typeName", "explanationModelName", "modelId", "layer", "index")
    said = lines(exported[1], "explanations")
    assert [{name: one[name] for name in kept} for one in feature["explanations"]] == [
        {name: one[name] for name in kept} for one in sorted(said, key=lambda one: one["id"])
    ]
    for ours, theirs in zip(feature["explanations"], sorted(said, key=lambda one: one["id"]), strict=True):
        scores = [sorted(json.dumps(one, sort_keys=True) for one in side["scores"]) for side in (ours, theirs)]
        assert scores[0] == scores[1]


@pytest.mark.parametrize("source", ["2-mid", "mid"])
def test_a_source_is_layer_and_recipe_or_the_recipe(client: TestClient, source: str):
    assert client.get(f"/api/feature/demo/{source}/{FEATURE}").json()["layer"] == "2-mid"
    answer = client.get(f"/demo/{source}/{FEATURE}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, f"/sae/demo/mid/{FEATURE}")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("demo/3-mid/7", 404, "no source demo/3-mid"),
        ("none/2-mid/7", 404, "no source none/2-mid"),
        ("demo/2-mid/99999", 404, "no feature 99999"),
        ("demo/2-mid/seven", 400, "index is 'seven'"),
        ("demo/%FF%00'--/7", 404, "no source demo/"),
    ],
)
def test_what_is_not_there_is_a_sentence(client: TestClient, path: str, status: int, words: str):
    answer = client.get(f"/api/feature/{path}")
    assert (answer.status_code, words in answer.json()["error"]) == (status, True), answer.text


def test_a_source_that_is_not_there_names_those_that_are(client: TestClient):
    assert "demo/2-mid" in client.get("/api/feature/demo/3-mid/7").json()["suggestions"]


def test_a_feature_on_a_text(client: TestClient):
    asked = {"modelId": "demo", "layer": "2-mid", "index": "0"}
    one = post(client, "activation/new", feature=asked, customText="to be or")
    assert (one["values"], one["maxValue"], one["maxValueTokenIndex"]) == ([1.0, 2.0, 3.0], 3.0, 2)
    assert "".join(one["tokens"]) == "to be or "
    two = post(client, "activation/new", neuron=asked | {"index": 1}, customText=["to", "be or"])
    assert [len(each["tokens"]) for each in two] == [1, 2]
    assert [each["values"] for each in two] == [[0.0], [0.0, 0.0]]


def test_features_by_token(client: TestClient, exported: tuple[Store, Path]):
    found = post(client, "search-topk-by-token/", **OF_SOURCE, text="to be", densityThreshold=0)
    assert [(row["position"], row["token"]) for row in found["results"]] == [(0, "to "), (1, "be ")]
    [first] = found["results"][1]["topFeatures"]
    assert (first["featureIndex"], first["activationValue"]) == (0, 2.0)
    rare = post(client, "search-topk-by-token", **OF_SOURCE, text="to be", densityThreshold=1e-9)
    assert [row["topFeatures"] for row in rare["results"]] == [[], []]
    several = post(client, "search-topk-by-token", **OF_SOURCE, text=["to", "be"])
    assert [one["source"] for one in several["results"]] == ["2-mid", "2-mid"]


def test_features_of_a_text_over_sources(client: TestClient):
    found = post(client, "search-all", modelId="demo", sourceSet="mid", selectedLayers=[], text="to be", sortIndexes=[])
    [one] = found["result"]
    assert (one["layer"], one["index"], one["values"]) == ("2-mid", "0", [1.0, 2.0])
    several = post(client, "search-all", modelId="demo", selectedLayers=["2-mid"], text=["to", "be"])
    assert [len(each["result"]) for each in several["results"]] == [1, 1]


def test_explanations_are_found_by_text_a_page_at_a_time(client: TestClient, exported: tuple[Store, Path]):
    with gzip.open(exported[1] / "explanations" / "batch-0.jsonl.gz", "rt") as file:
        labels = [line["description"].lower() for line in map(json.loads, file)]
    text = labels[0][:4]
    found, offset = [], 0
    while offset is not None:
        page = post(
            client_of(exported), "explanation/search", modelId="demo", layers=["mid"], query=text, offset=offset
        )
        assert page["resultsCount"] == len(page["results"]) <= 20
        assert page["hasMore"] == (page["nextOffset"] is not None)
        found += page["results"]
        offset = page["nextOffset"]
    assert len(found) == len({one["index"] for one in found}) > 0
    assert all(text in one["description"].lower() for one in found)
    everywhere = post(client_of(exported), "explanation/search-model", modelId="demo", query=text)
    assert everywhere["results"] == found[:20]
    assert post(client_of(exported), "explanation/search-all", query=text)["results"] == found[:20]
    assert post(client_of(exported), "explanation/search-model", modelId="none", query=text)["results"] == []
    assert post(client_of(exported), "explanation/search", modelId="demo", layers=[], query=text)["results"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("explanation/search", {"modelId": "demo", "layers": "mid", "query": "abc"}),
        ("explanation/search", {"modelId": "demo", "layers": ["mid"], "query": "ab"}),
        ("explanation/search-all", {"query": "abc", "offset": -1}),
        ("activation/new", {"customText": "a"}),
        ("activation/new", {"feature": {"modelId": "demo", "layer": "2-mid", "index": "0"}, "customText": ["a"] * 5}),
        ("search-topk-by-token", {**OF_SOURCE, "text": "a", "numResults": 1000}),
        ("search-all", {"modelId": "demo", "text": "a", "sourceSet": "mid", "numResults": 0}),
    ],
)
def test_a_body_that_says_something_else_is_refused(client: TestClient, path: str, body: dict[str, Any]):
    answer = client.post(f"/api/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_feature_file_of_circuit_tracer(client: TestClient, feature: dict[str, Any]):
    found = client.get(f"/api/features/demo/2-mid/{FEATURE}.json").json()
    [endpoint] = [one for one in endpoints() if one.name == "ct_feature"]
    Draft202012Validator(endpoint.schema).validate(found)
    assert found["top_logits"] == feature["pos_str"]
    assert (found["act_max"], found["activation_frequency"]) == (feature["maxActApprox"], feature["frac_nonzero"])
    assert sum(found["histogram"]) == sum(feature["freq_hist_data_bar_heights"])
    assert len(found["quantile_values"]) == 99
    assert found["quantile_values"] == sorted(found["quantile_values"])
    names = [group["quantile_name"] for group in found["examples_quantiles"]]
    assert names[0] == "Top Activations"
    peaks = [
        max(one["tokens_acts_list"]) == one["tokens_acts_list"][one["train_token_ind"]]
        for one in found["examples_quantiles"][0]["examples"]
    ]
    assert peaks
    assert all(peaks)
