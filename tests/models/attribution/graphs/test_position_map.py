"""A map is read off a graph where every position has the same one, up to a factor; anywhere else there is none."""

import torch
from torch import Tensor

from models.attribution.graphs.position_map import PositionMap

P, D, E = 5, 6, 7


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)), dtype=torch.float64)


def test_a_projection_behind_a_frozen_scale_is_read_whole():
    x_1PD, weight_DE, scale_P = drawn(1, P, D).requires_grad_(), drawn(D, E), torch.linspace(0.5, 2, P).double()
    found = PositionMap.of((scale_P[:, None] * x_1PD) @ weight_DE, x_1PD)
    assert found is not None
    whole_PDE = found.scale_P[:, None, None] * found.weight_DE
    torch.testing.assert_close(whole_PDE, scale_P[:, None, None] * weight_DE, rtol=0, atol=1e-12)


def test_positions_with_maps_of_their_own_have_no_map():
    x_1PD, weight_PDE = drawn(1, P, D).requires_grad_(), drawn(P, D, E)
    assert PositionMap.of(torch.einsum("bpd,pde->bpe", x_1PD, weight_PDE), x_1PD) is None


def test_one_position_of_more_than_the_map_is_wide_is_seen_too():
    x_1PD, weight_PDE = drawn(1, 2 * E, D).requires_grad_(), drawn(D, E).repeat(2 * E, 1, 1)
    weight_PDE[-1, 0, 0] += 1
    assert PositionMap.of(torch.einsum("bpd,pde->bpe", x_1PD, weight_PDE), x_1PD) is None


def test_positions_that_read_each_other_have_no_map():
    x_1PD, weight_DE, mixed_PP = drawn(1, P, D).requires_grad_(), drawn(D, E), torch.eye(P).double()
    mixed_PP[3, 1] = 0.5
    assert PositionMap.of(mixed_PP @ x_1PD @ weight_DE, x_1PD) is None


def test_where_nothing_leads_there_is_no_map():
    x_1PD = drawn(1, P, D).requires_grad_()
    assert PositionMap.of(drawn(1, P, E), x_1PD) is None
    assert PositionMap.of(drawn(1, P, D).requires_grad_() * 2, x_1PD) is None
