"""Global weights over a prompt set: rows that the table takes, equal to sums over tokens written out."""

from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import save_tiny

from models.dictionaries.registry import architecture
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.method import ExperimentInput
from models.experiments.methods import global_weights
from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import PromptEncoder
from models.experiments.settings.global_weights import GlobalWeightsSettings
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from storage.table_schemas import rows_as_table

METHOD, N_FEATURES = global_weights.METHOD, 24


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    return HookedModel.load(str(save_tiny("llama", tmp_path_factory.mktemp("llama"))), device="cpu")


def transcoder(layer: int, read: str = "resid_mid") -> FeatureDictionary:
    chance = torch.Generator().manual_seed(layer)
    tensors = {"W_enc": torch.randn(32, N_FEATURES, generator=chance), "b_enc": torch.zeros(N_FEATURES)}
    tensors |= {"W_dec": torch.randn(N_FEATURES, 32, generator=chance), "b_dec": torch.zeros(32)}
    sae, ones_F = architecture("topk")(tensors, {"k": 4, "crosses": True}), np.ones(N_FEATURES)
    return FeatureDictionary(f"mlp{layer}", sae, Site(read, layer), Site("mlp_out", layer), ones_F, ones_F)


def given(host: HookedModel, *dictionaries: FeatureDictionary, **settings: Any) -> ExperimentInput[Any]:
    prompts = [Prompt(0, prompt="def area(width,"), Prompt(1, prompt="return width"), Prompt(2, prompt="area = 3")]
    encoded = PromptEncoder(host.tokenizer, (), 128).encode(prompts)
    return ExperimentInput(host, GlobalWeightsSettings(**settings), encoded, (), list(dictionaries))


@pytest.mark.parametrize("together", [4, 8_192])
def test_rows_are_sums_over_the_tokens(host: HookedModel, monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    """Of encoders that read the stream itself no norm has a say: the weight is a product of two rows."""
    monkeypatch.setattr(global_weights, "TOKENS", together)  # a prompt at a time, or all at once
    asked = given(host, transcoder(0), transcoder(2), strongest=3)
    METHOD.check(asked)
    rows = METHOD.measure(asked, asked.prompts)["global_weight"]
    assert rows_as_table("global_weight", rows).num_rows == len(rows) > N_FEATURES
    first, second = (one.sae for one in asked.dictionaries)
    a_parts, b_parts = [], []
    for prompt in asked.prompts:
        with host.capture([Site("resid_mid", 0), Site("resid_mid", 2)]) as values, torch.no_grad():
            host.forward(torch.tensor([prompt.token_ids]))
        a_parts.append(first.encode(values[Site("resid_mid", 0)][0]).dense())
        b_parts.append(second.encode(values[Site("resid_mid", 2)][0]).dense())
    a_TS, b_TF = torch.cat(a_parts), torch.cat(b_parts)
    weight_SF = (first.W_dec @ second.encoder_FD.T).detach()
    expected_SF = weight_SF * (a_TS.T @ b_TF) / b_TF.sum(0)
    for row in rows:
        pair = row["source_feature_id"], row["target_feature_id"]
        assert (row["source_recipe_id"], row["target_recipe_id"]) == ("mlp0", "mlp2")
        assert row["virtual_weight"] == pytest.approx(float(weight_SF[pair]), rel=1e-4, abs=1e-5)
        assert row["expected_weight"] == pytest.approx(float(expected_SF[pair]), rel=1e-4, abs=1e-5)
        assert row["n_together"] == int(((a_TS[:, pair[0]] > 0) & (b_TF[:, pair[1]] > 0)).sum())
        own = float(b_TF[:, pair[1]].square().sum() / b_TF[:, pair[1]].sum())
        assert row["share"] == pytest.approx(row["expected_weight"] / own, rel=1e-4)
    places = {(row["target_feature_id"], row["source_place"]) for row in rows if row["source_place"] is not None}
    assert {place for _, place in places} == {0, 1, 2}
    assert len(places) == sum(row["source_place"] is not None for row in rows)


def test_what_has_no_weights_is_refused(host: HookedModel) -> None:
    with pytest.raises(ValueError, match="a weight is between features of two blocks"):
        METHOD.check(given(host, transcoder(0)))
    with pytest.raises(ValueError, match="one transcoder a block"):
        METHOD.check(given(host, transcoder(0), transcoder(0)))
