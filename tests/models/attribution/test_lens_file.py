"""Jacobian lenses go through the published file, and say of features what the product of matrices says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import LAYERS, WIDTH, save_tiny

from models.attribution.jacobian_lens import JacobianSum
from models.attribution.lens_file import read_lens, write_lens
from models.dictionaries.architectures.topk import TopKSAE
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.method import ExperimentInput
from models.experiments.methods.logit_lens import METHOD
from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.logit_lens import LogitLensSettings
from models.features.logit_effects import logit_effects
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.language_model.token_strings import TokenStrings

FEATURES = 6


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    return HookedModel.load(str(save_tiny("llama", tmp_path_factory.mktemp("llama"))), device="cpu")


@pytest.fixture(scope="module")
def sae() -> TopKSAE:
    decoder_FD = torch.randn(FEATURES, WIDTH, generator=torch.Generator().manual_seed(3))
    zero = {"b_enc": torch.zeros(FEATURES), "b_dec": torch.zeros(WIDTH)}
    return TopKSAE({"W_enc": decoder_FD.T.contiguous(), "W_dec": decoder_FD} | zero, {"k": 2})


def random_sum(seed: int, n_texts: int) -> JacobianSum:
    generator = torch.Generator().manual_seed(seed)
    total = torch.randn(LAYERS + 1, WIDTH, WIDTH, generator=generator, dtype=torch.float64)
    total[-1] = n_texts * torch.eye(WIDTH)
    return JacobianSum(total, n_texts)


def given(host: HookedModel, sae: TopKSAE, file: Path, site: Site) -> ExperimentInput[LogitLensSettings]:
    dictionary = FeatureDictionary("some", sae, site, site, np.ones(FEATURES), np.full(FEATURES, 0.1))
    settings = LogitLensSettings(lenses=("jacobian",), jacobian_file=str(file), effect_tokens=3, positions="last")
    return ExperimentInput(host, settings, [EncodedPrompt(Prompt(0, prompt="a"), (5, 9), 0)], (), [dictionary])


def test_halves_are_merged_and_come_back_from_the_file_as_they_were(tmp_path: Path):
    one, other = random_sum(1, 3), random_sum(2, 5)
    write_lens(tmp_path / "lens.pt", one + other)
    stored = torch.load(tmp_path / "lens.pt", weights_only=True)
    assert {name: stored[name] for name in ("n_prompts", "source_layers", "d_model")} == {
        "n_prompts": 8, "source_layers": list(range(LAYERS - 1)), "d_model": WIDTH,
    }  # fmt: skip
    assert {matrix.dtype for matrix in stored["J"].values()} == {torch.float16}
    found = read_lens(tmp_path / "lens.pt", WIDTH, LAYERS)
    for layer in range(LAYERS - 1):
        wanted = (one.total_LDD[layer + 1] + other.total_LDD[layer + 1]).float() / 8
        torch.testing.assert_close(found.maps_DD[layer], wanted, rtol=1e-3, atol=1e-3)
    assert torch.equal(found.maps_DD[LAYERS - 1], torch.eye(WIDTH))


def test_what_is_no_lens_of_the_model_is_refused(tmp_path: Path):
    write_lens(tmp_path / "lens.pt", random_sum(1, 1))
    with pytest.raises(ValueError, match="it is the lens of another model"):
        read_lens(tmp_path / "lens.pt", WIDTH + 1, LAYERS)
    with pytest.raises(ValueError, match="it is the lens of another model"):
        read_lens(tmp_path / "lens.pt", WIDTH, 1)
    torch.save({"weights": torch.ones(1)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="holds no matrices under `J`"):
        read_lens(tmp_path / "other.pt", WIDTH, LAYERS)
    with pytest.raises(ValueError, match="cannot be read as a lens"):
        read_lens(tmp_path / "absent.pt", WIDTH, LAYERS)


@pytest.mark.parametrize("layer", [0, LAYERS - 1])
def test_a_feature_s_effect_is_its_direction_through_the_lens(
    host: HookedModel, sae: TopKSAE, tmp_path: Path, layer: int
):
    """Behind the last block, where the lens is the identity, it is the direct effect."""
    write_lens(tmp_path / "lens.pt", random_sum(1, 1))
    asked = given(host, sae, tmp_path / "lens.pt", Site("resid_post", layer))
    METHOD.check(asked)
    rows = METHOD.summarize(asked, METHOD.measure(asked, asked.prompts))
    assert {row["layer"] for row in rows["logit_lens"]} == set(range(LAYERS))
    map_DD = read_lens(tmp_path / "lens.pt", WIDTH, LAYERS).maps_DD[layer]
    unit_FD = torch.nn.functional.normalize(sae.W_dec.detach(), dim=1)
    wanted = logit_effects(
        unit_FD @ map_DD.T, Site("resid_post", layer), host.unembedding(), TokenStrings.of(host.tokenizer), 3
    ).effect.to_pylist()
    sizes_F = (unit_FD @ map_DD.T).norm(dim=1)
    by_place = {(row["feature_id"], row["direction"], row["rank"]): row for row in rows["jacobian_effect"]}
    assert len(by_place) == len(wanted) == FEATURES * 2 * 3
    for row in wanted:
        found = by_place[row["feature_id"], row["direction"], row["rank"]]
        assert (found["token_id"], found["token"]) == (row["token_id"], row["token"])
        size = float(sizes_F[row["feature_id"]])
        assert found["logit_weight"] == pytest.approx(row["logit_weight"] * size, rel=1e-3, abs=1e-6)


def test_a_dictionary_where_no_lens_is_fitted_is_refused(host: HookedModel, sae: TopKSAE, tmp_path: Path):
    write_lens(tmp_path / "lens.pt", random_sum(1, 1))
    with pytest.raises(ValueError, match="where no lens is fitted"):
        METHOD.check(given(host, sae, tmp_path / "lens.pt", Site("attn_out", 1)))
