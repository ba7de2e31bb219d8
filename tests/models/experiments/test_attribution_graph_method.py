"""Attribution graphs over a prompt set: rows that their tables take, scores that SQL could compute again from them."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import save_tiny

from models.dictionaries.registry import architecture
from models.experiments.feature_dictionary import FeatureDictionary, InvalidFeature
from models.experiments.method import ExperimentInput, Rows
from models.experiments.methods.attribution_graph import METHOD
from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import PromptEncoder
from models.experiments.settings.attribution_graph import AttributionGraphSettings
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from storage.table_schemas import rows_as_table

N_FEATURES = 48


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    return HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))), device="cpu")


def transcoder(layer: int, read: str = "mlp_in", written: str = "mlp_out") -> FeatureDictionary:
    chance = torch.Generator().manual_seed(layer)
    tensors = {
        "W_enc": torch.randn(32, N_FEATURES, generator=chance),
        "W_dec": torch.randn(N_FEATURES, 32, generator=chance),
    }
    tensors |= {"b_enc": torch.zeros(N_FEATURES), "b_dec": torch.zeros(32)}
    sae, ones_F = architecture("topk")(tensors, {"k": 4, "crosses": True}), np.ones(N_FEATURES)
    return FeatureDictionary(f"mlp{layer}", sae, Site(read, layer), Site(written, layer), ones_F, ones_F)


def given(
    host: HookedModel, dictionaries: list[FeatureDictionary], **settings: Any
) -> ExperimentInput[AttributionGraphSettings]:
    prompts = [Prompt(0, prompt="def area(width,"), Prompt(1, prompt="return width")]
    encoded = PromptEncoder(host.tokenizer, (), 128).encode(prompts)
    return ExperimentInput(host, AttributionGraphSettings(**settings), encoded, (), dictionaries)


@pytest.fixture(scope="module")
def rows(host: HookedModel) -> Rows:
    asked = given(host, [transcoder(layer) for layer in range(3)], supernodes={"one": ["mlp0/3", "mlp1/5"]})
    METHOD.check(asked)
    return METHOD.measure(asked, asked.prompts)


def test_tables_take_the_rows(rows: Rows):
    assert set(rows) == set(AttributionGraphSettings.tables)
    for table, some in rows.items():
        assert rows_as_table(table, some).num_rows == len(some) > 0


def test_scores_can_be_computed_from_the_nodes(rows: Rows):
    for graph in rows["attribution_graph"]:
        nodes = [node for node in rows["graph_node"] if node["prompt_id"] == graph["prompt_id"]]
        assert sum(node["kind"] == "feature" for node in nodes) == graph["n_features"] == graph["n_tokens"] * 4 * 3
        by_kind = {kind: sum(n["influence"] for n in nodes if n["kind"] == kind) for kind in ("token", "error")}
        replacement = by_kind["token"] / (by_kind["token"] + by_kind["error"])
        assert graph["replacement_score"] == pytest.approx(replacement)
        read = [(node["influence"] + (node["probability"] or 0), node["error_share"] or 0) for node in nodes]
        complete = sum(n * (1 - share) for n, share in read) / sum(n for n, _ in read)
        assert graph["completeness_score"] == pytest.approx(complete)


def test_every_check_says_both_and_a_group_holds_its_features(rows: Rows):
    kinds = {(row["factor"], row["frozen"], row["target"]) for row in rows["graph_check"]}
    assert kinds == {(f, frozen, t) for f in (0.0, 2.0) for frozen in (True, False) for t in ("logits", "features")}
    grouped = {(node["recipe_id"], node["feature_id"]) for node in rows["graph_node"] if node["supernode"] == "one"}
    assert grouped <= {("mlp0", 3), ("mlp1", 5)}
    assert grouped, "one of the two fires"


def test_what_is_no_transcoder_of_an_mlp_is_refused(host: HookedModel):
    def refusal(*dictionaries: FeatureDictionary, **settings: Any) -> str:
        with pytest.raises(ValueError) as refused:
            METHOD.check(given(host, list(dictionaries), **settings))
        return str(refused.value)

    assert "made of transcoders of MLPs" in refusal(transcoder(0, "resid_post", "resid_post"))
    assert "reads attn_in.1 and writes mlp_out.1" in refusal(transcoder(1, "attn_in"))
    assert "one transcoder a block" in refusal(transcoder(1), dataclasses.replace(transcoder(1), recipe_id="again"))
    assert "'mlp7/3' is no feature" in refusal(transcoder(0), supernodes={"x": ["mlp7/3"]})
    with pytest.raises(InvalidFeature, match="there is no feature 99"):
        METHOD.check(given(host, [transcoder(0)], supernodes={"x": ["mlp0/99"]}))
