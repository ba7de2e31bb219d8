"""The TopK autoencoder against its equation, written densely."""

import pytest
import torch
from torch import Tensor

from models.dictionaries.architectures.topk import TopKSAE
from models.dictionaries.auxk_loss import auxk_loss
from models.dictionaries.base import StepContext
from models.dictionaries.config import SAESettings
from models.dictionaries.normalization import Normalization
from models.dictionaries.registry import architecture
from models.sparse.topk_select import fast_topk, preactivations, topk_preactivations

T, D, F, K = 200, 16, 96, 5
ALIVE_F = torch.zeros(F, dtype=torch.bool)


@pytest.fixture
def sae() -> TopKSAE:
    chance = torch.Generator().manual_seed(0)
    sae = TopKSAE.build(SAESettings(n_features=F, k=K), D, chance)
    with torch.no_grad():
        sae.b_enc.copy_(0.2 * torch.randn(F, generator=chance))
        sae.b_dec.copy_(torch.randn(D, generator=chance))
    return sae


@pytest.fixture
def x_TD() -> Tensor:
    return 2 * torch.randn(T, D, generator=torch.Generator().manual_seed(1))


def dense_codes(sae: TopKSAE, x_TD: Tensor) -> Tensor:
    pre_TF = (x_TD - sae.b_dec) @ sae.W_enc + sae.b_enc
    kept = pre_TF.topk(K, dim=1)
    return torch.zeros_like(pre_TF).scatter(1, kept.indices, kept.values.relu())


def context(dead_F: Tensor = ALIVE_F, matmul: torch.dtype = torch.float32) -> StepContext:
    return StepContext(0, 1, dead_F, 1 / 32, matmul)


def test_codes_and_reconstruction_are_the_equation(sae: TopKSAE, x_TD: Tensor) -> None:
    codes = sae.encode(x_TD)
    wanted_TF = dense_codes(sae, x_TD)
    torch.testing.assert_close(torch.zeros(T, F).scatter(1, codes.features_TK, codes.acts_TK), wanted_TF)
    torch.testing.assert_close(sae.decode(codes), wanted_TF @ sae.W_dec + sae.b_dec)
    assert codes.acts_TK.min() >= 0
    assert codes.acts_TK.dtype == torch.float32


def test_an_activation_that_no_feature_likes_has_fewer_than_k(sae: TopKSAE, x_TD: Tensor) -> None:
    with torch.no_grad():
        sae.b_enc.fill_(-100)
    codes = sae.encode(x_TD)
    assert not codes.acts_TK.any()
    torch.testing.assert_close(sae.decode(codes), sae.b_dec.detach().expand(T, D))


def test_the_loss_and_its_gradients_are_those_of_the_dense_equation(sae: TopKSAE, x_TD: Tensor) -> None:
    outcome = sae.loss(x_TD, x_TD, context())
    outcome.loss.backward()
    found = {name: p.grad for name, p in sae.named_parameters()}
    sae.zero_grad()
    guess_TD = dense_codes(sae, x_TD) @ sae.W_dec + sae.b_dec
    loss = (x_TD - guess_TD).square().sum() / (x_TD - x_TD.mean(0)).square().sum()
    loss.backward()
    torch.testing.assert_close(outcome.loss, loss)
    torch.testing.assert_close(outcome.error_TE, (x_TD - guess_TD).detach())
    for name, p in sae.named_parameters():
        torch.testing.assert_close(found[name], p.grad, msg=f"gradient of {name}")


def test_a_bfloat16_product_chooses_features_but_does_not_round_activations(sae: TopKSAE, x_TD: Tensor) -> None:
    centred_TD = (x_TD - sae.b_dec).detach()
    features_TK = topk_preactivations(centred_TD, sae.encoder_FD, sae.b_enc, K, torch.bfloat16)[1]
    pre_TF = (centred_TD @ sae.W_enc + sae.b_enc).detach()
    acts_TK = pre_TF.gather(1, features_TK)
    guess_TD = torch.zeros(T, F).scatter(1, features_TK, acts_TK.relu()) @ sae.W_dec + sae.b_dec
    error_TD = sae.loss(x_TD, x_TD, context(matmul=torch.bfloat16)).error_TE
    torch.testing.assert_close(error_TD, (x_TD - guess_TD).detach())
    lost = pre_TF.topk(K, dim=1).values.sum(1) - acts_TK.sum(1)
    assert lost.max() < 0.1, f"a chosen set falls {lost.max():.3f} short of the best"


def test_selection_does_not_depend_on_the_tile(sae: TopKSAE, x_TD: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = topk_preactivations(x_TD, sae.encoder_FD, sae.b_enc, K)
    monkeypatch.setattr("models.sparse.topk_select.TILE", {"cpu": 7 * F})
    with torch.no_grad():
        heights = {len(tile) for tile in preactivations(x_TD, sae.encoder_FD, sae.b_enc)}
    assert heights == {7, T % 7}
    cut = topk_preactivations(x_TD, sae.encoder_FD, sae.b_enc, K)
    assert torch.equal(whole[1].sort().values, cut[1].sort().values)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("n", "width", "k"), [(600, 4096, 32), (5, 8192, 3), (257, 1024, 1), (10, 100, 7)])
def test_the_search_by_blocks_finds_the_k_largest(n: int, width: int, k: int, dtype: torch.dtype) -> None:
    pre_TF = torch.randn(n, width, generator=torch.Generator().manual_seed(4)).to(dtype)
    pre_TF[0] = pre_TF[0].sort().values
    pre_TF[1, : 2 * k] += 10
    pre_TF[2] = -pre_TF[2].abs() - 1
    values, features = fast_topk(pre_TF, k)
    assert torch.equal(pre_TF.gather(1, features), values.to(dtype))
    assert all(len(row.unique()) == k for row in features)
    assert torch.equal(values.to(dtype).sort(dim=1, descending=True).values, pre_TF.topk(k, dim=1).values)


def test_ties_fill_every_slot_with_another_feature() -> None:
    for value in (1.0, 0.0, -1.0, float("nan")):
        for dtype in (torch.float32, torch.bfloat16):
            _, features = fast_topk(torch.full((3, 4096), value, dtype=dtype), 32)
            assert all(len(row.unique()) == 32 for row in features)


def dead_half(sae: TopKSAE) -> Tensor:
    return torch.arange(F) < F // 2


def test_dead_features_with_negative_preactivations_get_a_gradient(sae: TopKSAE, x_TD: Tensor) -> None:
    """Peers lose it: by a ReLU before the auxiliary codes, or by a kernel that ignores it."""
    dead_F = dead_half(sae)
    with torch.no_grad():
        sae.b_enc[dead_F] = -1000
    sae.loss(x_TD, x_TD, context(dead_F)).loss.backward()
    assert sae.encoder_FD.grad is not None
    norms_F = sae.encoder_FD.grad.norm(dim=1)
    assert norms_F[dead_F].min() > 0, f"{int((norms_F[dead_F] == 0).sum())} dead features get no gradient"


@pytest.mark.parametrize("n_dead", [3, 8, 40])
@pytest.mark.parametrize("k", [1, 3, 50])
def test_the_auxiliary_loss_is_its_formula(sae: TopKSAE, x_TD: Tensor, n_dead: int, k: int) -> None:
    """Of 2 k dead features, at most half the width."""
    dead_F, error_TD = torch.arange(F) < n_dead, torch.randn(T, D, generator=torch.Generator().manual_seed(2))
    found = auxk_loss(x_TD, error_TD, dead_F, sae.encoder_FD, sae.b_enc, sae.W_dec, k)
    k_aux = min(D // 2, 2 * k)
    pre_TF = (x_TD @ sae.W_enc + sae.b_enc).masked_fill(~dead_F, -torch.inf)
    kept = pre_TF.topk(min(k_aux, n_dead), dim=1)
    guess_TD = torch.zeros(T, F).scatter(1, kept.indices, kept.values) @ sae.W_dec
    spread = (error_TD - error_TD.mean(0)).square().sum()
    torch.testing.assert_close(found, min(n_dead / k_aux, 1) * (guess_TD - error_TD).square().sum() / spread)


def test_the_auxiliary_loss_moves_dead_features_only(sae: TopKSAE, x_TD: Tensor) -> None:
    dead_F = dead_half(sae)
    error_TD = torch.randn(T, D, requires_grad=True)
    auxk_loss(x_TD, error_TD, dead_F, sae.encoder_FD, sae.b_enc, sae.W_dec, 3).backward()
    assert error_TD.grad is None
    for p in (sae.encoder_FD, sae.W_dec, sae.b_enc):
        assert p.grad is not None
        assert not p.grad[~dead_F].any()
    assert sae.b_dec.grad is None


def test_without_dead_features_there_is_no_auxiliary_loss(sae: TopKSAE, x_TD: Tensor) -> None:
    assert float(sae.loss(x_TD, x_TD, context()).aux_loss) == 0


def test_a_step_keeps_decoder_rows_at_norm_one(sae: TopKSAE, x_TD: Tensor) -> None:
    terms = sae.loss(x_TD, x_TD, context())
    terms.loss.backward()
    sae.before_step()
    assert sae.W_dec.grad is not None
    along_F = (sae.W_dec * sae.W_dec.grad).sum(1)
    assert along_F.abs().max() < 1e-6, "the gradient still points along a row"
    torch.optim.SGD(sae.parameters(), lr=1.0).step()
    sae.after_step(terms, context())
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.ones(F))


def test_the_folded_dictionary_does_to_raw_what_the_trained_one_does_to_scaled(sae: TopKSAE, x_TD: Tensor) -> None:
    scaling = Normalization(torch.randn(D, generator=torch.Generator().manual_seed(3)), 0.37)
    raw_TD = scaling.undo(x_TD)
    codes, folded = sae.encode(x_TD), sae.folded(scaling)
    raw = folded.encode(raw_TD)
    assert torch.equal(raw.features_TK.sort().values, codes.features_TK.sort().values)
    torch.testing.assert_close(raw.acts_TK.sort().values, codes.acts_TK.sort().values / scaling.scale)
    torch.testing.assert_close(folded(raw_TD), scaling.undo(sae(x_TD)))
    torch.testing.assert_close(folded.W_dec, sae.W_dec)


def test_bfloat16_activations_are_coded_in_float32(sae: TopKSAE, x_TD: Tensor) -> None:
    rounded_TD = x_TD.bfloat16()
    assert torch.equal(sae.encode(rounded_TD).acts_TK, sae.encode(rounded_TD.float()).acts_TK)


def test_architectures_are_found_by_name() -> None:
    assert architecture("topk") is TopKSAE
    for wrong in ("nonsense", "folder", "../etc", ""):
        with pytest.raises(ValueError, match="that a file of models/dictionaries/architectures has"):
            architecture(wrong)
