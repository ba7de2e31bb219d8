"""Shrinkage equals its closed forms wherever the activations lie."""

import pytest
import torch

from models.evaluation.shrinkage import shrinkage

X_TD = torch.randn(500, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
X_TD -= X_TD.mean(dim=0)


@pytest.mark.parametrize("share", [0.8, 1.0, 1.3])
@pytest.mark.parametrize("mean", [0.0, 100.0])
def test_what_is_scaled_has_its_scale(share, mean):
    found = shrinkage(X_TD + mean, X_TD * share + mean)
    assert found == pytest.approx({"shrinkage_gamma": share, "norm_ratio": share})


def test_a_projection_misses_much_and_shrinks_nothing():
    kept = torch.cat([X_TD[:, :4], torch.zeros(500, 4)], dim=1)
    found = shrinkage(X_TD, kept)
    assert found["shrinkage_gamma"] == pytest.approx(1)
    assert found["norm_ratio"] == pytest.approx(float(kept.norm(dim=1).sum() / X_TD.norm(dim=1).sum()))
    assert found["norm_ratio"] < 0.8
    assert shrinkage(X_TD, 0.8 * kept)["shrinkage_gamma"] == pytest.approx(0.8)


def test_gamma_is_the_best_divisor():
    recon = 0.7 * X_TD + 0.2 * torch.randn(500, 8, generator=torch.Generator().manual_seed(1))
    gamma = shrinkage(X_TD, recon)["shrinkage_gamma"]
    # Dividing by g scales by 1 / g: the error is least where the derivative of |r / g - a|^2 in 1 / g is 0.
    errors = [float((recon / g - X_TD).square().sum()) for g in (gamma * 0.999, gamma, gamma * 1.001)]
    assert errors[1] < min(errors[0], errors[2])


def test_what_is_undefined_is_left_out():
    assert shrinkage(torch.ones(4, 2), torch.ones(4, 2)) == {}
    assert shrinkage(X_TD, -X_TD) == {}
