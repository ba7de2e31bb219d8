"""Sparse arithmetic equals the dense one that it replaces."""

import pytest
import torch
from torch import Tensor

from models.sparse.codes import SparseCodes
from models.sparse.dense_ops import DenseEntries
from models.sparse.sparse_ops import SparseEntries, scatter

T, D, F, K = 37, 24, 50, 6


@pytest.fixture
def chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(params=["as many for each token", "ragged"])
def slots(chance: torch.Generator, request: pytest.FixtureRequest) -> SparseEntries:
    """Features 0 to 39: the last ten have no slot. Ragged: the first and the last token have none."""
    if request.param == "ragged":
        taken_TF = torch.rand(T, F, generator=chance) < 0.15
        taken_TF[:, 40:] = taken_TF[0] = taken_TF[-1] = False
        tokens_M, features_M = taken_TF.nonzero(as_tuple=True)
        return SparseEntries(features_M, tokens_M, T, F)
    rest_TF = torch.rand(T, 39, generator=chance).argsort(dim=1)[:, : K - 1] + 1
    return SparseEntries.of(torch.cat([rest_TF, torch.zeros(T, 1, dtype=torch.int64)], dim=1), F)


def dense(weights_M: Tensor, slots: SparseEntries) -> Tensor:
    return torch.zeros(T, F, dtype=weights_M.dtype).index_put((slots.tokens_M, slots.features_M), weights_M)


def weights(slots: SparseEntries, chance: torch.Generator) -> Tensor:
    return torch.randn(len(slots.features_M), generator=chance)


def test_combine_is_the_dense_product(chance: torch.Generator, slots: SparseEntries) -> None:
    weights_M, rows_FD = weights(slots, chance), torch.randn(F, D, generator=chance)
    torch.testing.assert_close(slots.combine(weights_M, rows_FD), dense(weights_M, slots) @ rows_FD)


def test_products_are_entries_of_the_dense_product(chance: torch.Generator, slots: SparseEntries) -> None:
    x_TD, centre_D, rows_FD, bias_F = (torch.randn(*shape, generator=chance) for shape in ((T, D), (D,), (F, D), (F,)))
    wanted_TF = (x_TD - centre_D) @ rows_FD.T + bias_F
    found_M = slots.products(x_TD, centre_D, rows_FD, bias_F)
    torch.testing.assert_close(found_M, wanted_TF[slots.tokens_M, slots.features_M])
    torch.testing.assert_close(DenseEntries(torch.float32).products(x_TD, centre_D, rows_FD, bias_F), wanted_TF)


def test_scatter_is_the_transposed_dense_product(chance: torch.Generator, slots: SparseEntries) -> None:
    weights_M, x_TD = weights(slots, chance), torch.randn(T, D, generator=chance)
    found = scatter(weights_M, x_TD, slots)
    torch.testing.assert_close(found, dense(weights_M, slots).T @ x_TD)
    assert not found[40:].any(), "features without a slot must get exactly zero"


def test_gradients_agree_with_finite_differences(chance: torch.Generator, slots: SparseEntries) -> None:
    rows_FD, x_TD, centre_D, bias_F, weights_M, weights_TF = [
        torch.randn(*shape, generator=chance, dtype=torch.float64).requires_grad_()
        for shape in ((F, D), (T, D), (D,), (F,), (len(slots.features_M),), (T, F))
    ]
    everywhere = DenseEntries(torch.float64)
    for places, some in ((slots, weights_M), (everywhere, weights_TF)):
        assert torch.autograd.gradcheck(lambda w, r, p=places: p.combine(w, r), (some, rows_FD), fast_mode=True)
        inputs = (x_TD, centre_D, rows_FD, bias_F)
        assert torch.autograd.gradcheck(lambda *args, p=places: p.products(*args), inputs, fast_mode=True)


def test_known_products_get_the_gradients_of_computed_ones(chance: torch.Generator, slots: SparseEntries) -> None:
    x_TD, centre_D, rows_FD, bias_F = inputs = [
        torch.randn(*shape, generator=chance).requires_grad_() for shape in ((T, D), (D,), (F, D), (F,))
    ]
    computed_M = slots.products(x_TD, centre_D, rows_FD, bias_F)
    known_M = slots.products(x_TD, centre_D, rows_FD, bias_F, computed_M.detach())
    assert torch.equal(known_M, computed_M)
    grad_M = weights(slots, chance)
    computed, known = (torch.autograd.grad(out_M, inputs, grad_M) for out_M in (computed_M, known_M))
    assert all(torch.equal(a, b) for a, b in zip(computed, known, strict=True))


def test_slots_answer_for_their_features(chance: torch.Generator, slots: SparseEntries) -> None:
    acts_M, level_F = weights(slots, chance), torch.randn(F, generator=chance)
    dense_TF = dense(acts_M, slots)
    assert torch.equal(slots.each(level_F), level_F.expand(T, F)[slots.tokens_M, slots.features_M])
    assert torch.equal(slots.firings(acts_M), (dense_TF > 0).sum(0))
    assert torch.equal(DenseEntries(torch.float32).firings(dense_TF), (dense_TF > 0).sum(0))
    some = slots.where(acts_M > 0)
    assert torch.equal(dense(acts_M[acts_M > 0], some), dense_TF.clamp_min(0))


def test_codes_of_slots_are_their_positive_activations(chance: torch.Generator, slots: SparseEntries) -> None:
    acts_M = weights(slots, chance)
    codes = SparseCodes.of(slots, acts_M)
    found_TF = torch.zeros(T, F).scatter_add(1, codes.features_TK, codes.acts_TK)
    assert torch.equal(found_TF, dense(acts_M, slots).clamp_min(0))
    again, acts_again_M = codes.slots()
    assert torch.equal(dense(acts_again_M, again), found_TF)
    assert SparseCodes.of(slots, -acts_M.abs()).acts_TK.shape == (T, 1), "codes of nothing keep one empty slot"


def test_nothing_as_wide_as_the_features_is_allocated_per_token() -> None:
    """200 tokens, 300,000 features: a dense code matrix would take 240 MB, the rows of width 2 take 2.4."""
    wide = SparseEntries.of(torch.arange(200 * 4).view(200, 4) * 37, 300_000)
    rows_FD = torch.randn(300_000, 2, requires_grad=True)
    with torch.profiler.profile(profile_memory=True) as profile:
        wide.combine(torch.ones(800), rows_FD).square().sum().backward()
    largest = max(event.cpu_memory_usage for event in profile.events() or [])
    assert largest < 8_000_000, f"one operation took {largest:,} bytes"
