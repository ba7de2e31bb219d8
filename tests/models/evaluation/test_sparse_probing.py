"""A latent that is the target scores 1, five that share it .6 alone and 1 together, and chance is a half."""

import numpy as np
import pytest
import torch

from models.evaluation.sparse_probing import auroc, sparse_probing
from models.probes.codes_by_feature import CodesByFeature
from models.probes.token_targets import TokenTargets
from models.sparse.codes import SparseCodes

T, FEATURES = 4000, 60


def planted(fires_TF: np.ndarray) -> CodesByFeature:
    """Latents that fire with 1 where told."""
    codes = torch.from_numpy(fires_TF).float()
    return CodesByFeature.of([SparseCodes(codes, torch.arange(codes.shape[1]).expand(codes.shape), codes.shape[1])])


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(0).random((T, FEATURES)) < 0.1


def probed(fires_TF: np.ndarray, so_T: np.ndarray, x_TD: torch.Tensor | None = None) -> dict[str, float]:
    targets = TokenTargets(("planted",), so_T[:, None])
    x_TD = torch.randn(T, 8, generator=torch.Generator().manual_seed(0)) if x_TD is None else x_TD
    return sparse_probing(x_TD, planted(fires_TF), targets, torch.arange(T) % 4 == 0)


def test_a_latent_that_is_the_target_says_it_all(noise):
    found = probed(noise, noise[:, 17])
    assert found["sparse_probing_k1"] == found["sparse_probing_k5"] == found["sparse_probing_k20"] == 1
    assert found["sparse_probing_raw"] == pytest.approx(0.5, abs=0.08), "these activations know nothing of it"


def test_a_latent_that_is_silent_on_the_target_says_as_much(noise):
    assert probed(noise, ~noise[:, 17])["sparse_probing_k1"] == 1


def test_a_target_split_over_five_latents_takes_five(noise):
    """One of five fires on a fifth of what is so and nowhere else: .2 * 1 + .8 * .5."""
    fires = noise.copy()
    turn = np.arange(T) // 4 % 10
    fires[:, 20:25] = turn[:, None] == np.arange(5)
    found = probed(fires, turn < 5)
    assert found["sparse_probing_k1"] == pytest.approx(0.6)
    assert found["sparse_probing_k5"] == found["sparse_probing_k20"] == 1


def test_a_shuffled_target_is_chance(noise):
    found = probed(noise, np.random.default_rng(1).permutation(noise[:, 17]))
    assert found.pop("probing_targets") == 1
    assert all(abs(area - 0.5) < 0.08 for area in found.values()), found


def test_what_stands_in_the_activation_is_read_off_it(noise):
    x_TD = torch.randn(T, 8, generator=torch.Generator().manual_seed(1))
    found = probed(noise, (x_TD[:, 0] - x_TD[:, 1] > 1).numpy(), x_TD)
    assert found["sparse_probing_raw"] > 0.999
    assert found["sparse_probing_k20"] < 0.6


def test_rare_targets_are_left_out_and_the_others_averaged(noise):
    rare = np.arange(T) < 40
    targets = TokenTargets(("rare", "planted", "always"), np.stack([rare, noise[:, 3], np.ones(T, bool)], axis=1))
    is_test_T = torch.arange(T) % 4 == 0
    x_TD = torch.randn(T, 4, generator=torch.Generator().manual_seed(0))
    found = sparse_probing(x_TD, planted(noise), targets, is_test_T)
    assert (found["sparse_probing_k1"], found["probing_targets"]) == (1, 1)
    only = TokenTargets(("rare",), rare[:, None])
    assert sparse_probing(x_TD, planted(noise), only, is_test_T) == {}


@pytest.fixture(scope="module")
def mixed_scales() -> tuple[np.ndarray, np.ndarray]:
    """A target, and activations of latents whose rates and scales span three and two decades; latent 333 knows the
    target with recall .85 and a false positive rate of .01, at a hundredth of the largest scale."""
    chance, n = np.random.default_rng(0), 600
    so_T = chance.random(T) < 0.1
    rates, scales = 10 ** chance.uniform(-3.5, -0.2, n), 10 ** chance.uniform(-0.5, 1.5, n)
    rates[333], scales[333] = 0, 10**-0.5
    fires = chance.random((T, n)) < rates
    fires[:, 333] = chance.random(T) < np.where(so_T, 0.85, 0.01)
    return so_T, np.where(fires, scales * chance.exponential(1, (T, n)), 0)


def test_a_planted_latent_is_found_among_latents_of_other_scales(mixed_scales):
    so_T, acts_TF = mixed_scales
    means = np.abs(acts_TF[so_T].mean(0) - acts_TF[~so_T].mean(0))
    assert (means > means[333]).sum() > 20, "by the difference of means, others come before it"
    found = probed(acts_TF, so_T)
    assert found["sparse_probing_k1"] == pytest.approx(0.92, abs=0.02)  # (recall + 1 - false positives) / 2
    assert found["sparse_probing_by_difference_k1"] < 0.6


@pytest.mark.parametrize("sign", [1, -1])
def test_what_speaks_against_a_target_counts_as_much(mixed_scales, sign):
    so_T, acts_TF = mixed_scales
    assert probed(acts_TF, so_T if sign > 0 else ~so_T)["sparse_probing_k1"] == pytest.approx(0.92, abs=0.02)


def test_area_is_the_share_of_pairs_in_order():
    chance = np.random.default_rng(0)
    scores, so = chance.integers(0, 6, 80).astype(np.float32), chance.random(80) < 0.3
    ahead = scores[so][:, None] - scores[~so]
    wanted = ((ahead > 0) + 0.5 * (ahead == 0)).mean()
    assert auroc(torch.from_numpy(scores), torch.from_numpy(so)) == pytest.approx(wanted)
