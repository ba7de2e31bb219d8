"""`glasshouse attend` names the strongest pairs of a head's score on a real pass of a small model."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_models import save_tiny
from typer.testing import CliRunner

from models.dictionaries.registry import architecture
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.method import ExperimentInput
from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import PromptEncoder
from models.experiments.settings.attribution_graph import AttributionGraphSettings
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from pipelines.cli.main import app
from pipelines.experiments import experiment_input
from pipelines.experiments.by_hand import HandQuestion
from pipelines.store.store import Store


def transcoder(layer: int) -> FeatureDictionary:
    chance = torch.Generator().manual_seed(layer)
    tensors = {"W_enc": torch.randn(32, 48, generator=chance), "W_dec": torch.randn(48, 32, generator=chance)}
    tensors |= {"b_enc": torch.zeros(48), "b_dec": torch.zeros(32)}
    sae, ones_F = architecture("topk")(tensors, {"k": 4, "crosses": True}), np.ones(48)
    return FeatureDictionary(f"mlp{layer}", sae, Site("mlp_in", layer), Site("mlp_out", layer), ones_F, ones_F)


def test_pairs_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    host = HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))), device="cpu")
    prompts = PromptEncoder(host.tokenizer, (), 128).encode([Prompt(0, prompt="def area(width,")])
    given = ExperimentInput(
        host, AttributionGraphSettings(supernodes={}), prompts, (), [transcoder(layer) for layer in range(3)]
    )
    monkeypatch.setattr(Store, "cards", lambda self: SimpleNamespace(recipes=("mlp.0",)))
    monkeypatch.setattr(HandQuestion, "registration", lambda self, store: None)
    monkeypatch.setattr(experiment_input, "experiment_input", lambda store, registration: given)
    shown = CliRunner().invoke(app, ["attend", "m", "mlp0,mlp1,mlp2", "def area(width,", "--head", "2.1", "--key", "0"])
    assert shown.exit_code == 0, shown.output
    assert "head 2.1 at" in shown.output
    lines = [line for line in shown.output.splitlines() if line.startswith("│")]
    assert len(lines) == 10
    sizes = [abs(float(line.split("│")[1])) for line in lines]
    assert sizes == sorted(sizes, reverse=True)
    assert any("mlp0/" in line or "mlp1/" in line for line in lines)
