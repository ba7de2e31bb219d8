"""SAEBench itself, in an environment of its own, on planted texts: equal where it is right, its defects shown.

GLASSHOUSE_PEER_SAEBENCH_PYTHON names a Python that has sae-bench (and not this project): `python3 -m venv peer &&
peer/bin/pip install sae-bench`, then `GLASSHOUSE_PEER_SAEBENCH_PYTHON=peer/bin/python pytest -m peer
tests/peer/test_saebench_peer.py`.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from dictionaries import random_dictionary
from planted_concepts import codes_of, planted_concept

from models.dictionaries.base import SparseDictionary
from models.dictionaries.saelens_format import Provenance, export
from models.evaluation.absorption import absorbed_fractions, absorbing_latents
from models.evaluation.latent_ablation import AblatableTexts, top_features
from models.experiments.pooled_texts import pooled_codes
from models.probes.codes_by_feature import CodesByFeature, strongest
from models.probes.linear_probe import LinearProbe
from storage.folder import Folder

PEER = os.environ.get("GLASSHOUSE_PEER_SAEBENCH_PYTHON")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not PEER, reason="GLASSHOUSE_PEER_SAEBENCH_PYTHON names no Python that has sae-bench"),
]
C, N, L, N_ABLATED = 3, 24, 7, 4


@pytest.fixture(scope="module")
def sae() -> SparseDictionary:
    return random_dictionary("topk").eval()


@pytest.fixture(scope="module")
def given(sae: SparseDictionary) -> dict[str, torch.Tensor]:
    chance, d = torch.Generator().manual_seed(0), sae.d_in
    centre = torch.randn(C, 1, 1, d, generator=chance)
    train, test = (centre + torch.randn(C, N, L, d, generator=chance) for _ in range(2))
    latents, y_N, _ = planted_concept(n_texts=60, n_latents=200)
    words = 2 * torch.randn(300, d, generator=chance) + sae.b_dec.detach()
    with torch.no_grad():
        fired_F = CodesByFeature.of([sae.encode(words)]).starts_F1.diff()
    main, *others = fired_F.argsort(descending=True)[:4].tolist()
    W_dec = sae.W_dec.detach()
    direction = torch.nn.functional.normalize(W_dec[main] + 0.7 * W_dec[others].sum(0), dim=0)
    return {
        "train_CNLD": train,
        "test_CNLD": test,
        "weights_CD": torch.randn(C, d, generator=chance),
        "bias_C": torch.randn(C, generator=chance),
        "n": torch.tensor(N_ABLATED),
        "probing_NF": latents.columns(torch.arange(200)),
        "probing_y": torch.from_numpy(y_N.astype(np.int32)),
        "words_WD": words,
        "direction_D": direction,
        "main": torch.tensor(main),
    }


@pytest.fixture(scope="module")
def theirs(
    sae: SparseDictionary, given: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("saebench")
    export(sae, Folder(str(folder / "sae")), Provenance("m", "resid_post.0"))
    safetensors.torch.save_file({name: each.contiguous() for name, each in given.items()}, folder / "in.safetensors")
    script = Path(__file__).parent / "saebench_scores.py"
    command = [str(PEER), str(script), *(str(folder / name) for name in ("in.safetensors", "sae", "out.json"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "out.json").read_text())


def texts_of(sae: SparseDictionary, x_NLD: torch.Tensor) -> AblatableTexts:
    rows = [pooled_codes(sae.encode(x_LD), "mean") for x_LD in x_NLD]
    text = torch.cat([torch.full((len(feature),), n) for n, (feature, _) in enumerate(rows)])
    feature, act = (torch.cat(parts) for parts in zip(*rows, strict=True))
    codes = CodesByFeature.of_entries(text, feature, act, sae.n_features, len(x_NLD))
    n = len(x_NLD)
    return AblatableTexts(x_NLD.mean(1), codes, sae.W_dec.detach(), np.arange(n), np.zeros(n, bool))


@torch.no_grad()
def test_features_that_are_ablated_and_what_is_left_of_a_text_are_the_same(
    sae: SparseDictionary, given: dict[str, torch.Tensor], theirs: dict[str, Any]
):
    """Given one probe and texts of two classes in equal numbers, which both then rank alike."""
    test = given["test_CNLD"]
    mine = texts_of(sae, test[1]).without(theirs["ablated"]["0"])
    torch.testing.assert_close(mine, torch.tensor(theirs["ablated_pooled"]), atol=1e-4, rtol=1e-4)
    for c in range(C):
        train = given["train_CNLD"]
        others = torch.cat([train[k] for k in range(C) if k != c])
        texts = texts_of(sae, torch.cat([train[c], others]))
        y_N = np.arange(len(texts.x_ND)) < N
        probe = LinearProbe(given["weights_CD"][c][:, None], given["bias_C"][c][None])
        effects = texts.effects(probe, np.arange(len(y_N)), y_N, only_rises=True)
        shared = set(top_features(effects, N_ABLATED)) & set(theirs["ablated"][str(c)])
        assert len(shared) >= N_ABLATED - 1, "they draw half of the others' texts, and we read all"
        assert np.corrcoef(effects.numpy(), theirs["effects"][str(c)])[0, 1] > 0.97


def test_latents_by_difference_of_means_are_the_same(given: dict[str, torch.Tensor], theirs: dict[str, Any]):
    latents = codes_of(given["probing_NF"].numpy())
    y = given["probing_y"].bool()[:, None]
    assert sorted(strongest(latents.differences(y).abs(), 5)[0].tolist()) == theirs["mean_difference"]


@torch.no_grad()
def test_absorption_rate_and_fraction_are_the_same_word_for_word_without_a_decoder_bias(
    sae: SparseDictionary, given: dict[str, torch.Tensor], theirs: dict[str, Any]
):
    """Their projection takes the activation with the decoder's bias, ours without: so ours is given it here."""
    x_WD, direction = given["words_WD"], given["direction_D"]
    latents = CodesByFeature.of([sae.encode(x_WD)])
    mine = latents, given["main"][None], sae.W_dec.detach(), direction, x_WD @ direction
    np.testing.assert_allclose(absorbed_fractions(*mine), theirs["fraction"], atol=1e-5)
    assert (absorbing_latents(*mine) >= 0).tolist() == theirs["full"]
    fractions = np.array(theirs["fraction"])
    assert ((fractions > 0.05) & (fractions < 0.95)).any()
    unbiased = latents, given["main"][None], sae.W_dec.detach(), direction, (x_WD - sae.b_dec.detach()) @ direction
    assert not np.allclose(absorbed_fractions(*unbiased), theirs["fraction"]), "the bias alone changes their score"


def test_their_probe_is_the_best_of_its_epochs_by_accuracy_on_the_test_texts(theirs: dict[str, Any]):
    """Two trainings that differ in nothing but the answers of the test texts, of which the second are the opposite of
    the first: a probe that does not look at them is the same, and right where it was wrong, so that its accuracies sum
    to 1."""
    first, opposite = theirs["weights_on_noise"]
    assert not np.allclose(first, opposite)
    assert sum(theirs["accuracy_on_noise"]) > 1.04
