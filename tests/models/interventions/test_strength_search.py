"""The search for strengths finds optima that are known, within bounds, and never less than where it began."""

import numpy as np
import pytest
import torch
from torch import Tensor

from models.interventions.strength_search import best_strengths

BEST_L = torch.tensor([1.5, -0.5, 0.25], dtype=torch.float64)
CURVE_LL = torch.tensor([[2.0, 0.6, 0.0], [0.6, 1.0, -0.3], [0.0, -0.3, 0.5]], dtype=torch.float64)


def valley(strength_L: Tensor) -> Tensor:
    away_L = strength_L - BEST_L
    return 3 - away_L @ CURVE_LL @ away_L


def test_the_optimum_of_strengths_that_act_on_each_other_is_found():
    found = best_strengths(valley, [np.zeros(3), np.ones(3)], 4.0, 50)
    np.testing.assert_allclose(found.strength_L, BEST_L, atol=1e-4)
    assert found.value == pytest.approx(3, abs=1e-8)
    assert found.n_evaluations > 4


def test_strengths_stay_within_bounds_and_find_the_best_there():
    found = best_strengths(valley, [np.zeros(3)], 1.0, 50)
    inside = np.linspace(-1, 1, 41)
    grid = [float(valley(torch.tensor([1.0, b, c]))) for b in inside for c in inside]
    assert max(map(abs, found.strength_L)) <= 1
    assert found.strength_L[0] == pytest.approx(1)
    assert found.value >= max(grid) - 1e-6


def test_of_two_hills_the_higher_one_is_taken_where_a_start_lies_on_it():
    def hills(strength_L: Tensor) -> Tensor:
        return torch.exp(-((strength_L - 2) ** 2).sum() * 4) + 2 * torch.exp(-((strength_L + 2) ** 2).sum() * 4)

    assert best_strengths(hills, [np.array([1.8])], 4.0, 50).strength_L == pytest.approx([2], abs=1e-3)
    both = best_strengths(hills, [np.array([1.8]), np.array([-1.7])], 4.0, 50)
    assert both.strength_L == pytest.approx([-2], abs=1e-3)


def test_a_value_that_is_no_number_turns_the_search_back():
    def broken_beyond_one(strength_L: Tensor) -> Tensor:
        return torch.sqrt(1 - strength_L.square().sum()) + strength_L.sum()

    found = best_strengths(broken_beyond_one, [np.array([0.1, 0.2])], 3.0, 50)
    np.testing.assert_allclose(found.strength_L, [3**-0.5, 3**-0.5], atol=1e-3)


def test_a_start_beyond_the_bound_begins_at_the_bound():
    assert best_strengths(valley, [np.full(3, 9.0)], 0.5, 1).value >= float(valley(torch.full((3,), 0.5)))
