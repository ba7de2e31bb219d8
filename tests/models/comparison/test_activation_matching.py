"""Features of two rotated copies of one world are each other's counterparts; shuffled places have none."""

import numpy as np
import pytest
import torch
from planted import planted
from scipy.sparse import csr_array

from models.comparison.activation_matching import counterparts
from models.comparison.representation_similarity import linear_cka, svcca


def codes(seed: int = 0, n: int = 4000, n_features: int = 60) -> np.ndarray:
    chance = np.random.default_rng(seed)
    return (chance.random((n, n_features)) < 0.05) * chance.uniform(0.5, 1.5, (n, n_features))


def test_the_same_features_in_another_order_and_noise_are_found():
    """The reference: .997 against .040 shuffled."""
    acts_SF, chance = codes(), np.random.default_rng(1)
    order = chance.permutation(60)
    others_SG = np.where(acts_SF > 0, acts_SF + 0.02 * chance.normal(size=acts_SF.shape), 0)[:, order]
    found = counterparts(csr_array(acts_SF), csr_array(others_SG))
    assert (order[found.other_F] == np.arange(60)).all()
    assert np.median(found.correlation_F) > 0.99
    assert np.median(found.shuffled_F) < 0.08
    assert found.is_mutual_F.all()


def test_a_dictionary_with_itself_is_the_identity():
    acts_SF = codes(2)
    acts_SF[:, 7] = 0
    found = counterparts(csr_array(acts_SF), csr_array(acts_SF))
    rest = np.setdiff1d(np.arange(60), [7])
    assert (found.other_F[rest] == rest).all()
    np.testing.assert_allclose(found.correlation_F[rest], 1)
    assert np.isnan(found.correlation_F[7])
    assert not found.is_mutual_F[7]


def test_correlations_are_those_of_dense_columns_however_many_are_compared_at_a_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("models.comparison.activation_matching.TOGETHER", 6)
    a_SF, b_SG = codes(3, 300, 20), codes(4, 300, 25)
    found = counterparts(csr_array(a_SF), csr_array(b_SG))
    dense_FG = np.corrcoef(a_SF.T, b_SG.T)[:20, 20:]
    np.testing.assert_allclose(found.correlation_F, dense_FG.max(1), atol=1e-10)
    assert (found.other_F == dense_FG.argmax(1)).all()
    assert (found.is_mutual_F == (dense_FG.argmax(0)[dense_FG.argmax(1)] == np.arange(20))).all()
    assert 0 < found.is_mutual_F[6:].sum() < 14


def test_different_places_are_refused():
    with pytest.raises(ValueError, match="300 places of the one and 200"):
        counterparts(csr_array(codes(0, 300)), csr_array(codes(0, 200)))


def test_rotations_are_alike_and_independent_worlds_are_not():
    _, x_TD = planted(800, width=24, n_true=48, l0=4)
    chance = np.random.default_rng(0)
    x_SD = x_TD.numpy()
    turned = x_SD @ np.linalg.qr(chance.normal(size=(24, 24)))[0] * 3 + 1
    other = torch.randn(800, 30, generator=torch.Generator().manual_seed(0)).numpy()
    assert linear_cka(x_SD, turned) == pytest.approx(1)
    assert svcca(x_SD, turned) == pytest.approx(1)
    assert linear_cka(x_SD, other) < 0.06
    assert svcca(x_SD, other) < 0.3
    assert linear_cka(x_SD, x_SD[np.random.default_rng(1).permutation(800)]) < 0.06
