"""A feature that is changed from the page moves the logits as the check of the same graph says."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import save_tiny

from models.dictionaries.registry import architecture
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.method import ExperimentInput, Rows
from models.experiments.methods.attribution_graph import METHOD, pruned_prompt
from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import PromptEncoder
from models.experiments.settings.attribution_graph import AttributionGraphSettings
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from pipelines.serving.graph_changer import StoredGraphChanger
from pipelines.serving.model_hosts import ModelHosts
from pipelines.store.store import Store

GRAPH = {"model_id": "m", "experiment_id": "asked", "prompt_id": 0}


def transcoder(layer: int) -> FeatureDictionary:
    chance = torch.Generator().manual_seed(layer)
    tensors = {"W_enc": torch.randn(32, 48, generator=chance), "W_dec": torch.randn(48, 32, generator=chance)}
    tensors |= {"b_enc": torch.zeros(48), "b_dec": torch.zeros(32)}
    sae, ones_F = architecture("topk")(tensors, {"k": 4, "crosses": True}), np.ones(48)
    return FeatureDictionary(f"mlp{layer}", sae, Site("mlp_in", layer), Site("mlp_out", layer), ones_F, ones_F)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> ExperimentInput[AttributionGraphSettings]:
    host = HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))), device="cpu")
    prompts = PromptEncoder(host.tokenizer, (), 128).encode([Prompt(0, prompt="def area(width,")])
    return ExperimentInput(
        host,
        AttributionGraphSettings.model_validate({"checked_nodes": 2}),
        prompts,
        (),
        [transcoder(i) for i in range(3)],
    )


@pytest.fixture(scope="module")
def rows(given: ExperimentInput[AttributionGraphSettings]) -> Rows:
    return METHOD.measure(given, given.prompts)


@pytest.fixture
def changer(
    given: ExperimentInput[AttributionGraphSettings], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> StoredGraphChanger:
    made = StoredGraphChanger(ModelHosts(Store(home=str(tmp_path), registry=str(tmp_path), warehouse="none")))
    monkeypatch.setattr(made, "_graph", lambda report, **_: (given, pruned_prompt(given, given.prompts[0])))
    return made


def node_of(rows: Rows, number: int, **others: Any) -> SimpleNamespace:
    [row] = [row for row in rows["graph_node"] if row["node_id"] == number]
    return SimpleNamespace(**{**row, **others})


def cosine(a: list[float], b: list[float]) -> float:
    return float(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


def test_it_moves_the_logits_as_the_check_of_the_graph_says(changer: StoredGraphChanger, rows: Rows):
    checks = [row for row in rows["graph_check"] if row["target"] == "logits"]
    assert len(checks) == 2 * 2 * 2
    for check in checks:
        said: list[str] = []
        moved = changer.change(GRAPH, node_of(rows, check["node_id"]), check["factor"], said.append)
        predicted, actual = [m.predicted for m in moved], [m.held if check["frozen"] else m.free for m in moved]
        assert cosine(predicted, actual) == pytest.approx(check["cosine"], abs=1e-5)
        assert np.linalg.norm(actual) == pytest.approx(check["actual_size"], rel=1e-4)
        assert said == ["running the model with the feature changed"]
    logits = [row["token"] for row in rows["graph_node"] if row["kind"] == "logit"]
    assert [m.token for m in moved] == logits


def test_a_feature_that_is_left_as_it_is_moves_nothing(changer: StoredGraphChanger, rows: Rows):
    node = node_of(rows, rows["graph_check"][0]["node_id"])
    for each in changer.change(GRAPH, node, 1.0, lambda stage: None):
        assert (each.predicted, each.held, each.free) == pytest.approx((0, 0, 0), abs=1e-6)


def test_a_graph_that_is_not_the_published_one_any_more_is_refused(changer: StoredGraphChanger, rows: Rows):
    node = node_of(rows, 0)
    for other in ({"feature_id": node.feature_id + 1}, {"layer": 2, "feature_id": 47}, {"node_id": 10**6}):
        with pytest.raises(ValueError, match="m/asked draws now has another node "):
            changer.change(GRAPH, node_of(rows, 0, **other), 0.0, lambda stage: None)
