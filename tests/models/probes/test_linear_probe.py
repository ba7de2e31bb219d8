"""A fit has no gradient left, gives log odds where these are known, and a column that says nothing gets no weight."""

import numpy as np
import pytest
import torch

from models.probes.linear_probe import fit_linear_probes


def test_one_yes_or_no_column_gives_the_log_odds_of_both_groups():
    x_TK = torch.tensor([[0.0]] * 10 + [[1.0]] * 20, dtype=torch.float64)
    y_TC = torch.tensor([[True]] * 2 + [[False]] * 8 + [[True]] * 15 + [[False]] * 5)
    probe = fit_linear_probes(x_TK, y_TC, ridge=1e-12, tolerance=1e-10)
    logits = probe.logits(torch.tensor([[0.0], [1.0]], dtype=torch.float64))[:, 0]
    assert logits.tolist() == pytest.approx([np.log(2 / 8), np.log(15 / 5)], abs=1e-6)


@pytest.mark.parametrize("ridge", [1e-3, 0.3])
@pytest.mark.parametrize("entangled", [False, True])
@pytest.mark.parametrize("one_space", [False, True])
def test_the_gradient_is_zero_by_hand(ridge, entangled, one_space):
    chance = np.random.default_rng(0)
    x = chance.normal(size=(500, 6)) * [1, 10, 0.1, 1, 1, 1] + [0, 50, 3, 0, 0, 0]
    if entangled:
        x[:, 5] = x[:, 0] + 1e-3 * x[:, 5]
    y = (x @ chance.normal(size=(6, 3)) + chance.normal(size=(500, 3)) * 3 > [100, -100, 0]).astype(float)
    y[:5], y[5:10] = 1, 0
    probe = fit_linear_probes(
        torch.from_numpy(x), torch.from_numpy(y > 0), one_space=one_space, ridge=ridge, tolerance=1e-9
    )
    spread = np.full(6, np.sqrt(x.var(axis=0).mean())) if one_space else x.std(axis=0)
    weights = probe.weights_KC.numpy() * spread[:, None]
    scaled = (x - x.mean(axis=0)) / spread
    excess = 1 / (1 + np.exp(-(x @ probe.weights_KC.numpy() + probe.bias_C.numpy()))) - y
    assert np.abs(excess.mean(axis=0)).max() < 1e-7, "of the bias, which is free"
    assert np.abs(scaled.T @ excess / len(x) + ridge * weights).max() < 1e-7
    assert np.abs(weights).max() > 0.01


def test_targets_fitted_together_are_fitted_alone():
    chance = torch.Generator().manual_seed(0)
    x_TK = torch.randn(300, 4, generator=chance, dtype=torch.float64)
    y_TC = x_TK[:, :3] + torch.randn(300, 3, generator=chance, dtype=torch.float64) > 0.5
    together = fit_linear_probes(x_TK, y_TC, tolerance=1e-9)
    for target in range(3):
        alone = fit_linear_probes(x_TK, y_TC[:, target : target + 1], tolerance=1e-9)
        torch.testing.assert_close(alone.weights_KC[:, 0], together.weights_KC[:, target], rtol=0, atol=1e-6)


def test_a_column_that_never_varies_gets_no_weight():
    x_TK = torch.tensor([[0.0, 7.0], [1.0, 7.0]] * 20)
    weights_KC = fit_linear_probes(x_TK, x_TK[:, :1] > 0).weights_KC
    assert weights_KC[1] == 0
    assert weights_KC[0] > 1


def test_columns_that_are_all_silent_leave_the_odds_of_the_target():
    probe = fit_linear_probes(torch.zeros(40, 2), torch.tensor([[True]] * 10 + [[False]] * 30))
    assert probe.logits(torch.zeros(1, 2)).item() == pytest.approx(np.log(10 / 30), abs=1e-4)


def test_a_target_that_is_always_so_is_refused():
    with pytest.raises(ValueError, match="leave out targets that are always or never so"):
        fit_linear_probes(torch.randn(10, 2), torch.ones(10, 1, dtype=torch.bool))
