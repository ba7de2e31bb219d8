"""What a feature circuit keeps on its way is all that it needs to go on: the same rows, and nothing measured twice."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from complete_dictionary import complete_dictionary
from tiny_models import save_tiny

from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.method import ExperimentInput
from models.experiments.methods.feature_circuit import METHOD
from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.feature_circuit import FeatureCircuitSettings
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

PAIRS = (((5, 9, 17, 30), (5, 11, 17, 31)), ((5, 8, 17, 30), (5, 11, 18, 31)))


class Kept:
    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    def result(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self.found:
            self.found[name] = make()
        return self.found[name]


class Dead:
    """Keeps nothing new."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found

    def result(self, name: str, make: Callable[[], Any]) -> Any:
        return self.found[name]


def test_a_second_run_measures_no_gradient_node_circuit_or_edge(tmp_path: Path):
    host = HookedModel.load(str(save_tiny("gpt2", tmp_path)), device="cpu")
    sites = [Site("resid_post", layer) for layer in (0, 2)]
    ones_F = np.ones(2 * host.d_model)
    dictionaries = [
        FeatureDictionary(str(site), complete_dictionary(host.d_model), site, site, ones_F, ones_F / 10)
        for site in sites
    ]
    prompts = [
        EncodedPrompt(Prompt(number, clean="a", corrupt="b"), clean, 0, corrupt, 40, 41)
        for number, (clean, corrupt) in enumerate(PAIRS)
    ]
    settings = FeatureCircuitSettings(steps=2, nodes=40, circuit_sizes=(2,), exact_nodes=4, edge_nodes=40)
    given = ExperimentInput(host, settings, prompts, (), dictionaries, kept=Kept())
    whole = METHOD.measure(replace(given, kept=type(given.kept)()), prompts)
    torch.manual_seed(1)
    first = METHOD.measure(given, prompts)
    assert isinstance(given.kept, Kept)
    kinds = {name.split()[0] for name in given.kept.found}
    assert kinds == {"gradient", "exact", "metrics", "edges"}
    again = METHOD.measure(replace(given, kept=Dead(given.kept.found)), prompts)
    assert first == again == whole
