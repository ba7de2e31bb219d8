"""Every architecture against its equation, written densely and differentiated by autograd."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from dictionaries import LEARNED, D, E, F, K, activations, random_dictionary
from torch import Tensor

from models.dictionaries.architectures.batchtopk import BatchTopKSAE
from models.dictionaries.architectures.gated import GatedSAE
from models.dictionaries.architectures.jumprelu import JumpReLUSAE
from models.dictionaries.architectures.matryoshka_batchtopk import MatryoshkaBatchTopKSAE
from models.dictionaries.architectures.neurons import NeuronDictionary
from models.dictionaries.architectures.standard import StandardSAE
from models.dictionaries.base import SparseDictionary, StepContext
from models.dictionaries.normalization import Normalization
from models.sparse.threshold_select import batch_topk

ALIVE_F = torch.zeros(F, dtype=torch.bool)
STEP, N_STEPS = 50, 100


def context(matmul: torch.dtype = torch.float32) -> StepContext:
    return StepContext(STEP, N_STEPS, ALIVE_F, 1 / 32, matmul)


def dense_pre(sae: SparseDictionary, x_TD: Tensor, bias: str = "b_enc") -> Tensor:
    return (x_TD - (0 if sae.crosses else sae.b_dec)) @ sae.W_enc + getattr(sae, bias)


def dense_codes(sae: SparseDictionary, x_TD: Tensor) -> Tensor:
    """The textbook's, for every architecture."""
    if isinstance(sae, GatedSAE):
        gate_TF = dense_pre(sae, x_TD, "b_gate")
        product_TF = (x_TD - (0 if sae.crosses else sae.b_dec)) @ (sae.W_enc * sae.r_mag.exp())
        return (gate_TF > 0) * (product_TF + sae.b_mag).relu()
    pre_TF = dense_pre(sae, x_TD)
    if isinstance(sae, JumpReLUSAE):
        return pre_TF * (pre_TF > sae.threshold)
    if isinstance(sae, BatchTopKSAE):
        level = pre_TF.flatten().topk(K * len(x_TD)).values[-1]
        return pre_TF * (pre_TF >= level) * (pre_TF > 0)
    if isinstance(sae, StandardSAE):
        return pre_TF.relu()
    kept = pre_TF.topk(K, dim=1)
    return torch.zeros_like(pre_TF).scatter(1, kept.indices, kept.values.relu())


def dense_guess(sae: SparseDictionary, x_TD: Tensor, codes_TF: Tensor) -> Tensor:
    guess_TE = codes_TF @ sae.W_dec + sae.b_dec
    return guess_TE if sae.W_skip is None else guess_TE + x_TD @ sae.W_skip.T


def as_dense(codes) -> Tensor:
    return torch.zeros(len(codes.acts_TK), F).scatter_add(1, codes.features_TK, codes.acts_TK)


VARIANTS = [
    (name, crosses, skip) for name in LEARNED for crosses, skip in ((False, False), (True, False), (True, True))
]
variants = pytest.mark.parametrize(("name", "crosses", "skip"), VARIANTS)


@variants
def test_codes_and_reconstruction_are_the_equation(name: str, crosses: bool, skip: bool) -> None:
    sae, x_TD = random_dictionary(name, crosses=crosses, skip=skip), activations()
    with torch.no_grad():
        codes, wanted_TF = sae.encode(x_TD), dense_codes(sae, x_TD)
        torch.testing.assert_close(as_dense(codes), wanted_TF)
        torch.testing.assert_close(sae(x_TD), dense_guess(sae, x_TD, wanted_TF))
    assert 0 < int((codes.acts_TK > 0).sum()) < 0.6 * 200 * F, "a test of nothing, or of everything"
    assert sae(x_TD).shape == (200, E if crosses else D)


@pytest.mark.parametrize("name", sorted({*LEARNED, "neurons"} - {"batchtopk", "matryoshka_batchtopk"}))
def test_single_features_have_the_activations_that_they_have_among_all(name: str) -> None:
    """What is read for steering: rows with features of their own, beside the codes of all features."""
    sae = NeuronDictionary.of(D) if name == "neurons" else random_dictionary(name)
    x_MTD = activations(sae.n_features * 20).view(sae.n_features, 20, D)
    found_MT = sae.feature_activations(torch.arange(sae.n_features))(x_MTD)
    wanted_MTF = sae.encode(x_MTD.flatten(0, 1)).dense().view(sae.n_features, 20, -1)
    wanted_MT = wanted_MTF.diagonal(dim1=0, dim2=2).T
    torch.testing.assert_close(found_MT, wanted_MT)
    assert 0 < int((wanted_MT > 0).sum()) < wanted_MT.numel()


@variants
@pytest.mark.parametrize("crowded", [False, True])
def test_the_squared_error_and_its_gradients_are_those_of_the_equation(
    name: str, crosses: bool, skip: bool, crowded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both by slots and, where many features fire, by dense products. Penalties and thresholds have their own tests."""
    monkeypatch.setattr("models.sparse.threshold_select.DENSE_ABOVE", -1.0 if crowded else 2.0)
    more: dict[str, Any] = (
        {} if name in ("topk", "batchtopk", "matryoshka_batchtopk") else {"sparsity_coefficient": 1e-9}
    )
    sae, x_TD = random_dictionary(name, crosses=crosses, skip=skip, **more), activations()
    y_TE = activations(seed=2, width=E) if crosses else x_TD
    outcome = sae.loss(x_TD, y_TE, context())
    outcome.loss.backward()
    learned = {key: p for key, p in sae.named_parameters() if key != "threshold"}
    found = {key: p.grad for key, p in learned.items()}
    sae.zero_grad()
    codes_TF, spread = dense_codes(sae, x_TD), (y_TE - y_TE.mean(0)).square().sum()
    if isinstance(sae, MatryoshkaBatchTopKSAE):
        prefixes = [dense_guess(sae, x_TD, codes_TF * (torch.arange(F) < end)) for end in sae.ends]
        loss = sum((y_TE - guess_TE).square().sum() for guess_TE in prefixes) / len(prefixes) / spread
    else:
        loss = (y_TE - dense_guess(sae, x_TD, codes_TF)).square().sum() / spread
    if isinstance(sae, GatedSAE):
        skipped = 0 if sae.W_skip is None else x_TD @ sae.W_skip.detach().T
        by_gates_TE = dense_pre(sae, x_TD, "b_gate").relu() @ sae.W_dec.detach() + sae.b_dec.detach() + skipped
        loss = loss + (y_TE - by_gates_TE).square().sum() / spread
    loss.backward()  # type: ignore[union-attr]
    torch.testing.assert_close(outcome.loss, loss, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(outcome.error_TE, (y_TE - dense_guess(sae, x_TD, codes_TF)).detach())
    assert torch.equal(outcome.firings_F, (codes_TF > 0).sum(0))
    for key, p in learned.items():
        torch.testing.assert_close(found[key], p.grad, rtol=1e-4, atol=1e-6, msg=f"gradient of {key}")


@pytest.mark.parametrize("name", LEARNED)
def test_bfloat16_products_change_the_loss_by_rounding_only(name: str) -> None:
    more: dict[str, Any] = (
        {} if name in ("topk", "batchtopk", "matryoshka_batchtopk") else {"sparsity_coefficient": 1.0}
    )
    sae, x_TD = random_dictionary(name, **more), activations()
    exact, rounded = (sae.loss(x_TD, x_TD, context(kind)).loss for kind in (torch.float32, torch.bfloat16))
    torch.testing.assert_close(rounded, exact, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("crowded", [False, True])
def test_the_l1_penalty_counts_the_norm_of_what_is_written(crowded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.sparse.threshold_select.DENSE_ABOVE", -1.0 if crowded else 2.0)
    x_TD = activations()
    found = []
    for coefficient in (1e-9, 3.0):
        sae = random_dictionary("standard", sparsity_coefficient=coefficient)
        found.append(sae.loss(x_TD, x_TD, context()).loss)
    codes_TF = dense_pre(sae, x_TD).relu()
    wanted = 3 * (codes_TF * sae.W_dec.norm(dim=1)).sum() / (x_TD - x_TD.mean(0)).square().sum()
    torch.testing.assert_close(found[1] - found[0], wanted, rtol=1e-4, atol=1e-4)


def test_the_penalty_on_l0_moves_thresholds_by_its_ramp() -> None:
    """d loss / d threshold_i = 2 c (L0 / k - 1) / k x -(entries of i within half a width) / (T width), and the ramp of
    the codes on top."""
    x_TD, width = activations(), 0.3
    gradients = []
    for coefficient in (1e-9, 2.0):
        sae = random_dictionary("jumprelu", sparsity_coefficient=coefficient, ste_bandwidth=width)
        sae.loss(x_TD, x_TD, context()).loss.backward()
        gradients.append(sae.threshold.grad)  # type: ignore[union-attr]
    assert isinstance(sae, JumpReLUSAE)
    pre_TF, level_F = dense_pre(sae, x_TD).detach(), sae.threshold.detach()
    l0 = float((pre_TF > level_F).sum()) / len(x_TD)
    near_F = ((pre_TF - level_F).abs() < width / 2).sum(0)
    wanted = 2 * 2.0 * (l0 / K - 1) / K * -near_F / width / len(x_TD)
    torch.testing.assert_close(gradients[1] - gradients[0], wanted, rtol=1e-3, atol=1e-6)
    codes_TF = (pre_TF * (pre_TF > level_F)).requires_grad_()
    (
        (x_TD - codes_TF @ sae.W_dec.detach() - sae.b_dec.detach()).square().sum()
        / (x_TD - x_TD.mean(0)).square().sum()
    ).backward()
    inside_TF = (pre_TF - level_F).abs() < width / 2
    assert codes_TF.grad is not None
    torch.testing.assert_close(
        gradients[0], -(codes_TF.grad * level_F * inside_TF / width).sum(0), rtol=1e-3, atol=1e-6
    )


def test_the_tanh_penalty_is_its_formula() -> None:
    x_TD, found = activations(), []
    for coefficient in (1e-9, 2.0):
        sae = random_dictionary(
            "jumprelu", sparsity_penalty="tanh", sparsity_coefficient=coefficient, ste_bandwidth=0.3
        )
        found.append(sae.loss(x_TD, x_TD, context()).loss)
    assert isinstance(sae, JumpReLUSAE)
    pre_TF, norm_F = dense_pre(sae, x_TD), sae.W_dec.norm(dim=1)
    spread = (x_TD - x_TD.mean(0)).square().sum()
    tanh = torch.tanh(4 * pre_TF * (pre_TF > sae.threshold) * norm_F).sum() / spread
    torch.testing.assert_close(found[1] - found[0], 2.0 * STEP / N_STEPS * tanh, rtol=1e-4, atol=1e-4)
    below = ((sae.threshold - pre_TF).relu() * norm_F).sum()
    error = (x_TD - dense_guess(sae, x_TD, dense_codes(sae, x_TD))).square().sum() / spread
    torch.testing.assert_close(found[0], error + 3e-6 * below / spread, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("step", "power"), [(5, 0.1), (50, 0.0)])
def test_thresholds_move_by_a_power_of_l0_over_k_while_they_warm_up_and_not_after(step: int, power: float) -> None:
    sae, x_TD = random_dictionary("jumprelu"), activations()
    assert isinstance(sae, JumpReLUSAE)
    now = replace(context(), step=step, n_steps=100)
    before_F = sae.threshold.detach().clone()
    l0 = float((dense_pre(sae, x_TD) > before_F).sum()) / len(x_TD)
    assert abs(l0 / K - 1) > 0.2, "or nothing would move"
    with torch.no_grad():
        sae.after_step(sae.loss(x_TD, x_TD, now), now)
    torch.testing.assert_close(sae.threshold.detach(), before_F * (l0 / K) ** power, rtol=1e-6, atol=0)


@variants
def test_the_folded_dictionary_does_to_raw_what_the_trained_one_does_to_scaled(
    name: str, crosses: bool, skip: bool
) -> None:
    sae, x_TD = random_dictionary(name, crosses=crosses, skip=skip), activations()
    read = Normalization(torch.randn(D, generator=torch.Generator().manual_seed(3)), 0.37)
    written = Normalization(torch.randn(E, generator=torch.Generator().manual_seed(4)), 2.9) if crosses else read
    with torch.no_grad():
        folded = sae.folded(read, *([written] if crosses else []))
        torch.testing.assert_close(folded(read.undo(x_TD)), written.undo(sae(x_TD)), rtol=1e-4, atol=1e-4)
        norm_F = sae.W_dec.norm(dim=1)
        torch.testing.assert_close(folded.W_dec.norm(dim=1), torch.ones(F))
        wanted_TF = as_dense(sae.encode(x_TD)) * norm_F / written.scale
        torch.testing.assert_close(as_dense(folded.encode(read.undo(x_TD))), wanted_TF, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_batch_keeps_exactly_as_many_as_it_may_even_with_ties(dtype: torch.dtype) -> None:
    chance = torch.Generator().manual_seed(5)
    x_TD, rows_FD = torch.randn(300, 8, generator=chance), torch.randn(640, 8, generator=chance)
    for bias, n in ((0.0, 900), (0.0, 1), (5.0, 3000), (-3.0, 2000)):
        bias_F = torch.full((640,), bias)
        slots, _ = batch_topk(x_TD, rows_FD, bias_F, n, dtype)
        pre_TF = (bias_F.to(dtype) + x_TD.to(dtype) @ rows_FD.to(dtype).T).float()
        positive = int((torch.addmm(bias_F.to(dtype), x_TD.to(dtype), rows_FD.to(dtype).T) > 0).sum())
        assert len(slots.features_M) == min(n, positive)
        chosen = pre_TF[slots.tokens_M, slots.features_M].sort(descending=True).values
        torch.testing.assert_close(chosen, pre_TF.flatten().topk(len(chosen)).values, rtol=0.02, atol=0.02)
    everything_equal = batch_topk(torch.ones(50, 8), torch.ones(64, 8), torch.zeros(64), 70, dtype)[0]
    assert everything_equal.tokens_M.tolist() == [0] * 64 + [1] * 6, "ties go to the earlier place"


def test_neurons_are_the_trivial_dictionary() -> None:
    x_TD, sae = activations(), NeuronDictionary.of(D)
    codes = sae.encode(x_TD)
    assert torch.equal(torch.zeros(200, D).scatter_add(1, codes.features_TK, codes.acts_TK), x_TD.relu())
    torch.testing.assert_close(sae(x_TD), x_TD.relu())
    standard = StandardSAE(sae.tensors(), {})
    assert torch.equal(standard.encode(x_TD).acts_TK.sum(1), codes.acts_TK.sum(1))
