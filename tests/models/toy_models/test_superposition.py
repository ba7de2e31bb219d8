"""Toy models of superposition do what the papers and the reference say, within seconds."""

import pytest
import torch

from models.toy_models.superposition import ToyPlan, learn_from_few, learn_toys, phase_diagram


def test_dense_features_get_a_dimension_each_and_rare_ones_share():
    """The reference, n 20, m 5, importance .9^i: density 1 has exactly 5 features, 5.00 and 1.00, no interference;
    density .05 has 15 features and .28."""
    importance_IN = (torch.full((2, 1), 0.9) ** torch.arange(20)).expand(2, 20)
    toys = learn_toys(torch.tensor([1.0, 0.05]), importance_IN, ToyPlan(20, 5, 2_000, 512, 0.02))
    dense, rare = 0, 1
    assert toys.is_represented_IN[dense].tolist() == [True] * 5 + [False] * 15, "the most important ones"
    assert float(toys.norm_IN[dense].square().sum()) == pytest.approx(5, abs=0.03)
    assert float(toys.dimensions_per_feature_I[dense]) == pytest.approx(1, abs=0.01)
    assert float(toys.interference_IN[dense].sum()) < 0.1
    assert int(toys.is_represented_IN[rare].sum()) in (14, 15, 16)
    assert float(toys.dimensions_per_feature_I[rare]) == pytest.approx(0.28, abs=0.02)
    assert toys.dimensionality_IN[rare].max() < 0.9


def test_shares_of_dimensions_by_hand():
    """An opposite pair has a half each, a pentagon two fifths."""
    from models.toy_models.superposition import ToyModels

    angle = torch.arange(5) * 2 * torch.pi / 5
    pentagon = torch.stack([angle.cos(), angle.sin()])
    pair = torch.tensor([[1.0, -1.0]])
    ones = torch.ones(1)
    for W_HN, share in ((pentagon, 2 / 5), (pair, 1 / 2)):
        n = W_HN.shape[1]
        toys = ToyModels(W_HN[None], torch.zeros(1, n), torch.ones(1, n), ones, ones)
        assert toys.dimensionality_IN[0].tolist() == pytest.approx([share] * n)


def test_the_phase_diagram_has_its_three_phases():
    """Dense: the more important of two has the dimension. Rare: both share it, until one counts ten times as much."""
    density_P, importance_Q = torch.tensor([1.0, 0.01]), torch.tensor([0.1, 1.0, 10.0])
    phases, _ = phase_diagram(density_P, importance_Q, ToyPlan(2, 1, 800, 512, 0.02), restarts=6)
    assert phases[0][0] == "none"
    assert phases[0][2] == "dedicated"
    assert phases[1][1] == "superposed"


@pytest.mark.slow
def test_few_examples_are_stored_many_make_features_and_fresh_ones_fare_worst_in_between():
    plan = ToyPlan(100, 2, 1_000, 512, 0.01)
    few, between, many = (learn_from_few(n, 0.03, plan) for n in (5, 80, 1_280))
    assert few.train_loss < 0.05
    assert few.example_norm > 5 * few.feature_norm, "examples are long, features are not"
    assert few.example_dimensionality == pytest.approx(2 / 5, abs=0.02), "five examples share two dimensions evenly"
    assert between.test_loss > 1.5 * max(few.test_loss, many.test_loss), "double descent"
    assert many.test_loss == pytest.approx(many.train_loss, abs=0.1)
