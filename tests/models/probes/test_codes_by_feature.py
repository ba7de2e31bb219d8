"""Latents say what a dense matrix of the same codes says."""

import numpy as np
import torch
from random_codes import made

from models.probes.codes_by_feature import CodesByFeature
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


def test_differences_are_those_of_means():
    latents, dense = planted()
    y = np.random.default_rng(2).random((len(dense), 3)) < [0.1, 0.5, 0.9]
    wanted = [dense[so].mean(axis=0, dtype=float) - dense[~so].mean(axis=0, dtype=float) for so in y.T]
    np.testing.assert_allclose(latents.differences(torch.from_numpy(y)).numpy(), wanted, atol=1e-12)
