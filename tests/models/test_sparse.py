"""Sparse arithmetic equals the dense one that it replaces."""

import pytest
import torch
from torch import Tensor

from models.sparse import Slots, combine, products, scatter

T, D, F, K = 37, 24, 50, 6


@pytest.fixture
def chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def slots(chance: torch.Generator) -> Slots:
    """Features 0 to 39: the last ten have no slot, the first is in every row."""
    rest_TF = torch.rand(T, 39, generator=chance).argsort(dim=1)[:, : K - 1] + 1
    return Slots(torch.cat([rest_TF, torch.zeros(T, 1, dtype=torch.int64)], dim=1), F)


def dense(weights_TK: Tensor, slots: Slots) -> Tensor:
    return torch.zeros(T, F, dtype=weights_TK.dtype).scatter_add(1, slots.features_TK, weights_TK)


def test_combine_is_the_dense_product(chance: torch.Generator, slots: Slots) -> None:
    weights_TK, rows_FD = torch.randn(T, K, generator=chance), torch.randn(F, D, generator=chance)
    torch.testing.assert_close(combine(weights_TK, rows_FD, slots), dense(weights_TK, slots) @ rows_FD)


def test_products_are_entries_of_the_dense_product(chance: torch.Generator, slots: Slots) -> None:
    x_TD, centre_D, rows_FD, bias_F = (torch.randn(*shape, generator=chance) for shape in ((T, D), (D,), (F, D), (F,)))
    wanted = ((x_TD - centre_D) @ rows_FD.T + bias_F).gather(1, slots.features_TK)
    torch.testing.assert_close(products(x_TD, centre_D, rows_FD, bias_F, slots), wanted)


def test_scatter_is_the_transposed_dense_product(chance: torch.Generator, slots: Slots) -> None:
    weights_TK, x_TD = torch.randn(T, K, generator=chance), torch.randn(T, D, generator=chance)
    found = scatter(weights_TK, x_TD, slots)
    torch.testing.assert_close(found, dense(weights_TK, slots).T @ x_TD)
    assert not found[40:].any(), "features without a slot must get exactly zero"


def test_gradients_agree_with_finite_differences(chance: torch.Generator, slots: Slots) -> None:
    weights_TK, rows_FD, x_TD, centre_D, bias_F = (
        torch.randn(*shape, generator=chance, dtype=torch.float64).requires_grad_()
        for shape in ((T, K), (F, D), (T, D), (D,), (F,))
    )
    assert torch.autograd.gradcheck(lambda w, r: combine(w, r, slots), (weights_TK, rows_FD), fast_mode=True)
    inputs = (x_TD, centre_D, rows_FD, bias_F)
    assert torch.autograd.gradcheck(lambda x, c, r, b: products(x, c, r, b, slots), inputs, fast_mode=True)


def test_known_products_get_the_gradients_of_computed_ones(chance: torch.Generator, slots: Slots) -> None:
    x_TD, centre_D, rows_FD, bias_F = inputs = [
        torch.randn(*shape, generator=chance).requires_grad_() for shape in ((T, D), (D,), (F, D), (F,))
    ]
    computed_TK = products(x_TD, centre_D, rows_FD, bias_F, slots)
    known_TK = products(x_TD, centre_D, rows_FD, bias_F, slots, computed_TK.detach())
    assert torch.equal(known_TK, computed_TK)
    grad_TK = torch.randn(T, K, generator=chance)
    computed, known = (torch.autograd.grad(out_TK, inputs, grad_TK) for out_TK in (computed_TK, known_TK))
    assert all(torch.equal(a, b) for a, b in zip(computed, known, strict=True))


def test_nothing_as_wide_as_the_features_is_allocated_per_token() -> None:
    """200 tokens, 300,000 features: a dense code matrix would take 240 MB, the rows of width 2 take 2.4."""
    wide = Slots(torch.arange(200 * 4).view(200, 4) * 37, 300_000)
    rows_FD = torch.randn(300_000, 2, requires_grad=True)
    with torch.profiler.profile(profile_memory=True) as profile:
        combine(torch.ones(200, 4), rows_FD, wide).square().sum().backward()
    largest = max(event.cpu_memory_usage for event in profile.events() or [])
    assert largest < 8_000_000, f"one operation took {largest:,} bytes"
