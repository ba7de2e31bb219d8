"""Two planted attributes of a prompt: without the features of one a probe loses that one and keeps the other."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from complete_dictionary import complete_dictionary
from tiny_models import save_tiny

from models.experiments.feature_dictionary import FeatureDictionary, InvalidFeature
from models.experiments.method import ExperimentInput
from models.experiments.methods.linear_probe import METHOD
from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.linear_probe import LinearProbeSettings
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

WIDTH, AT = 32, Site("resid_post", 1)
WANTED, SPURIOUS, UNUSED = 3, 7, 11
TOKENS = {(False, False): 50, (True, False): 51, (False, True): 52, (True, True): 53}
"""The last token by its two attributes, each a coordinate of its embedding."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    """A GPT-2 whose blocks add nothing, so that the stream is the embedding."""
    host = HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))), device="cpu")
    embedding = torch.zeros(host.vocab_size, WIDTH)
    for (wanted, spurious), token in TOKENS.items():
        embedding[token, WANTED], embedding[token, SPURIOUS] = (3.0 if each else 1.0 for each in (wanted, spurious))
    host.model.transformer.wte = torch.nn.Embedding.from_pretrained(embedding)
    with torch.no_grad():
        host.model.transformer.wpe.weight.zero_()
        for name, weight in host.model.named_parameters():
            if ".h." in name and "c_proj" in name:
                weight.zero_()
    return host


def asked(host: HookedModel, attribute: int, **settings: Any) -> ExperimentInput[LinearProbeSettings]:
    prompts = [
        EncodedPrompt(
            Prompt(number, prompt="a", label=str(kind[attribute]), group=f"group {number // 4}"), (9, token), 0
        )
        for number, (kind, token) in enumerate([*TOKENS.items()] * 10)
    ]
    strongest_F = np.full(2 * WIDTH, 4.0)
    dictionary = FeatureDictionary("r", complete_dictionary(WIDTH), AT, AT, strongest_F, strongest_F / 1000)
    chosen = {"layers": [0, 1, 2], "penalties": [0.01], "random_init": False, "ablated_features": [SPURIOUS]} | settings
    return ExperimentInput(host, LinearProbeSettings.model_validate(chosen), prompts, (), [dictionary])


def accuracies(given: ExperimentInput[LinearProbeSettings]) -> dict[tuple[Any, ...], float]:
    METHOD.check(given)
    rows = METHOD.measure(given, given.prompts)
    read = {row["probe_id"]: row["recipe_id"] or row["layer"] for row in rows["probe"]}
    return {
        (read[row["probe_id"]], row["condition"], row["is_refitted"]): row["accuracy"]
        for row in rows["probe_ablation"]
        if row["label"] is None
    }


def test_the_spurious_attribute_is_lost_and_the_wanted_one_kept(host: HookedModel):
    wanted, spurious = (accuracies(asked(host, attribute)) for attribute in (0, 1))
    places = {1, 2, "r"}  # the block before the dictionary is not reached
    assert {read for read, _, _ in wanted} == places
    for read in places:
        for is_refitted in (False, True):
            assert wanted[read, "flagged_features", is_refitted] == 1
            assert spurious[read, "flagged_features", is_refitted] == 0.5
            assert spurious[read, "random_features", is_refitted] == 1


def test_rows_by_label_add_up_to_all(host: HookedModel):
    given = asked(host, 1, layers=[2])
    rows = METHOD.measure(given, given.prompts)["probe_ablation"]
    for condition in ("flagged_features", "random_features"):
        mine = [
            row for row in rows if row["condition"] == condition and not row["is_refitted"] and row["probe_id"] == 0
        ]
        whole, *parts = sorted(mine, key=lambda row: row["label"] or "")
        assert whole["n"] == sum(row["n"] for row in parts)
        assert whole["accuracy"] * whole["n"] == pytest.approx(sum(row["accuracy"] * row["n"] for row in parts))
        assert whole["unablated_accuracy"] == 1


def test_what_it_costs_is_what_it_runs(host: HookedModel):
    given, passes = asked(host, 0), []
    hook = host.model.transformer.wte.register_forward_hook(lambda *_: passes.append(1))
    METHOD.measure(given, given.prompts)
    hook.remove()
    assert METHOD.passes(given).forward == len(passes)


def test_flagged_features_want_a_dictionary_that_has_them(host: HookedModel):
    with pytest.raises(InvalidFeature, match="there is no feature 64"):
        METHOD.check(asked(host, 0, ablated_features=[64]))
    with pytest.raises(ValueError, match="name its `recipe`"):
        METHOD.check(dataclasses.replace(asked(host, 0), dictionaries=()))
