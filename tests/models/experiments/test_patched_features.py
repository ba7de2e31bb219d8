"""Features patched one by one: exact effects as by hand, and with what the dictionary leaves out all of the site's."""

from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import save_tiny

from models.attribution.activation_patching import PatchingSweep
from models.attribution.answer_metric import AnswerMetric
from models.attribution.attribution_patching import attribution_effects
from models.attribution.patch import Patch
from models.attribution.patching_runs import contrast_runs
from models.attribution.resumed_pass import ResumedPass
from models.dictionaries.architectures.topk import TopKSAE
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.method import ExperimentInput
from models.experiments.methods.activation_patching import METHOD
from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.activation_patching import ActivationPatchingSettings
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

CLEAN, CORRUPT, ANSWER, FOIL = (5, 9, 17, 30, 2, 44), (5, 9, 18, 31, 2, 44), 21, 33
WIDTH, FEATURES = 32, 48
SITE = Site("resid_post", 1)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    return HookedModel.load(str(save_tiny("llama", tmp_path_factory.mktemp("llama"))), device="cpu")


@pytest.fixture(scope="module")
def sae() -> TopKSAE:
    directions_FD = torch.nn.functional.normalize(torch.randn(FEATURES, WIDTH, generator=torch.manual_seed(0)), dim=1)
    weights = {"W_enc": directions_FD.T.contiguous(), "W_dec": directions_FD, "b_enc": torch.zeros(FEATURES)}
    return TopKSAE(weights | {"b_dec": torch.zeros(WIDTH)}, {"k": 4})


def given(host: HookedModel, sae: TopKSAE, site: Site = SITE, **settings: Any) -> ExperimentInput[Any]:
    dictionary = FeatureDictionary("some", sae, site, site, np.ones(FEATURES), np.full(FEATURES, 0.1))
    prompt = EncodedPrompt(Prompt(0, clean="a", corrupt="b"), CLEAN, 0, CORRUPT, ANSWER, FOIL)
    asked = ActivationPatchingSettings.model_validate({"sites": ["feature"]} | settings)
    return ExperimentInput(host, asked, [prompt], (), [dictionary])


def test_each_feature_is_patched_as_by_hand_and_all_together_are_the_site(host: HookedModel, sae: TopKSAE):
    asked = given(host, sae, directions=["denoising"], integration_steps=4)
    METHOD.check(asked)
    tables = METHOD.measure(asked, asked.prompts)
    rows = {(row["method"], row["feature_id"], row["position"]): row["effect"] for row in tables["patching_effect"]}
    streams, logits = [], []
    for ids in (CLEAN, CORRUPT):
        with torch.no_grad(), host.capture([SITE], stop_early=False) as found:
            logits.append(host.model(input_ids=torch.tensor([ids])).logits)
        streams.append(found[SITE][0].clone())
    codes, corrupt_codes = (sae.encode(x_PD).dense() for x_PD in streams)
    exact = {key[1:]: effect for key, effect in rows.items() if key[0] == "exact"}
    assert len(exact) > 8
    for (feature, position), effect in exact.items():
        if feature is None:
            clean_error, corrupt_error = (x - sae.decode(sae.encode(x)) for x in streams)
            change_D = (clean_error - corrupt_error)[position]
        else:
            change_D = (codes - corrupt_codes)[position, feature] * sae.W_dec[feature]

        def edit(x: torch.Tensor, at: int = position, change_D: torch.Tensor = change_D) -> torch.Tensor:
            x[:, at] += change_D
            return x

        with torch.no_grad(), host.intervene({SITE: edit}):
            patched = host.model(input_ids=torch.tensor([CORRUPT])).logits
        metric = [float(each[0, -1, ANSWER] - each[0, -1, FOIL]) for each in (patched, logits[1])]
        assert effect == pytest.approx(metric[0] - metric[1], abs=1e-5)
    runs = contrast_runs(ResumedPass.of(host), AnswerMetric("logit_difference", ANSWER, FOIL), [SITE], CLEAN, CORRUPT)
    sweep = PatchingSweep(
        ResumedPass.of(host), AnswerMetric("logit_difference", ANSWER, FOIL), runs.token_ids_P,
        *runs.between("denoising"), [],
    )  # fmt: skip
    for position in range(2, len(CLEAN)):
        parts = [effect for key, effect in rows.items() if key[0] == "attribution" and key[2] == position]
        [whole] = attribution_effects(sweep, [Patch("resid_post", 1, position)]).tolist()
        assert sum(parts) == pytest.approx(whole, abs=1e-5)
    [agreement] = [row for row in tables["patching_agreement"] if row["method"] == "integrated_gradients"]
    assert agreement["pearson"] > 0.9
    passes = METHOD.passes(asked)
    assert passes.backward == 1 + 4


def test_a_sample_is_patched_and_the_strongest_are_kept(host: HookedModel, sae: TopKSAE):
    asked = given(host, sae, methods=["attribution"], patched_features=6, agreement_sample=3)
    rows = METHOD.measure(asked, asked.prompts)["patching_effect"]
    effects = [abs(row["effect"]) for row in rows if row["method"] == "attribution"]
    assert len(effects) == 6
    assert effects == sorted(effects, reverse=True)
    assert len([row for row in rows if row["method"] == "exact"]) == 3
    assert {row["recipe_id"] for row in rows} == {"some"}


def test_what_cannot_be_patched_by_feature_is_refused(host: HookedModel, sae: TopKSAE):
    with pytest.raises(ValueError, match="no dictionary is named"):
        METHOD.check(ExperimentInput(host, ActivationPatchingSettings(sites=("feature",)), given(host, sae).prompts))
    with pytest.raises(ValueError, match="no feature is patched"):
        METHOD.check(given(host, sae, sites=["z"]))
