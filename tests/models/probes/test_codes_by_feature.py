"""Latents say what a dense matrix of the same codes says."""

import numpy as np
import pytest
import torch
from random_codes import made

from models.probes.codes_by_feature import CodesByFeature, strongest
from models.sparse.codes import SparseCodes


def planted() -> tuple[CodesByFeature, np.ndarray]:
    """Codes in batches of different numbers of slots, and the same as [T, F]."""
    codes = made().codes
    dense = np.zeros((len(codes.acts_TK), codes.n_features), dtype=np.float32)
    for row, (acts, features) in enumerate(zip(codes.acts_TK.tolist(), codes.features_TK.tolist(), strict=True)):
        for act, feature in zip(acts, features, strict=True):
            dense[row, feature] = act
    wide = (
        torch.nn.functional.pad(codes.acts_TK[100:], (0, 2)),
        torch.nn.functional.pad(codes.features_TK[100:], (2, 0)),
    )
    batches = [
        SparseCodes(codes.acts_TK[:100], codes.features_TK[:100], codes.n_features),
        SparseCodes(wide[0].roll(2, dims=1), wide[1], codes.n_features),
    ]
    return CodesByFeature.of(batches), dense


def test_columns_are_those_of_the_dense_matrix():
    latents, dense = planted()
    assert latents.n_features == dense.shape[1]
    np.testing.assert_array_equal(latents.columns(torch.tensor([4, 0, 11])).numpy(), dense[:, [4, 0, 11]])


def test_some_of_the_tokens_are_these_rows_in_this_order():
    latents, dense = planted()
    rows = np.random.default_rng(1).permutation(len(dense))[:200]
    some = latents.at(torch.from_numpy(rows))
    np.testing.assert_array_equal(some.columns(torch.arange(dense.shape[1])).numpy(), dense[rows])


def brute_force(scores_T: np.ndarray, so_T: np.ndarray) -> float:
    """The share of pairs in order, pair by pair."""
    ahead = scores_T[so_T][:, None] - scores_T[~so_T]
    return float(((ahead > 0) + 0.5 * (ahead == 0)).mean())


@pytest.mark.parametrize("levels", [None, 3])
def test_areas_are_the_shares_of_pairs_in_order(levels: int | None):
    """With many ties among firings too, and with activations below 0, as neurons have them."""
    chance = np.random.default_rng(2)
    dense = np.where(chance.random((300, 9)) < 0.4, chance.normal(size=(300, 9)), 0).astype(np.float32)
    dense = dense if levels is None else np.round(dense * levels)
    dense[:, 4] = 0
    latents = CodesByFeature.of([SparseCodes(torch.from_numpy(dense), torch.arange(9).expand(300, 9), 9)])
    y = chance.random((300, 3)) < [0.1, 0.5, 0.9]
    wanted = [[brute_force(dense[:, feature], so) for feature in range(9)] for so in y.T]
    found = latents.aurocs(torch.from_numpy(y)).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert (found[:, 4] == 0.5).all(), "a latent that never fires says nothing"


def test_areas_of_batches_are_those_of_the_dense_matrix():
    latents, dense = planted()
    so = np.random.default_rng(3).random(len(dense)) < 0.3
    wanted = [brute_force(column, so) for column in dense.T]
    np.testing.assert_allclose(latents.aurocs(torch.from_numpy(so[:, None])).numpy(), [wanted], atol=1e-12)


def test_areas_know_no_scale():
    latents, dense = planted()
    scaled = dense * 10.0 ** np.arange(dense.shape[1]).clip(max=20)
    again = CodesByFeature.of(
        [SparseCodes(torch.from_numpy(scaled), torch.arange(dense.shape[1]).expand(dense.shape), dense.shape[1])]
    )
    y = torch.from_numpy(np.random.default_rng(3).random((len(dense), 1)) < 0.3)
    assert torch.equal(latents.aurocs(y), again.aurocs(y))


def test_differences_are_those_of_means():
    latents, dense = planted()
    y = np.random.default_rng(2).random((len(dense), 3)) < [0.1, 0.5, 0.9]
    wanted = [dense[so].mean(axis=0, dtype=float) - dense[~so].mean(axis=0, dtype=float) for so in y.T]
    np.testing.assert_allclose(latents.differences(torch.from_numpy(y)).numpy(), wanted, atol=1e-12)


def test_of_equal_scores_the_lower_latent_comes_first():
    scores = torch.tensor([[0.1, 0.4, 0.4, 0.2, 0.4], [0.0, 0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    assert strongest(scores, 4).tolist() == [[1, 2, 4, 3], [0, 1, 2, 3]]
    assert strongest(scores, 9).shape == (2, 5)
