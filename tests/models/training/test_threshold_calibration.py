"""Thresholds chosen after training give the L0 that was wanted, and nothing else changes."""

import pytest
import torch
from dictionaries import LEARNED, D, F, K, activations, random_dictionary

from models.dictionaries.architectures.jumprelu import JumpReLUSAE
from models.training.threshold_calibration import calibrate, measured

CHUNKS = list(activations(4000, seed=8).split(300))


@pytest.mark.parametrize("name", ["batchtopk", "matryoshka_batchtopk"])
@pytest.mark.parametrize("wanted", [0.5, 3.0, 7.25])
def test_a_batch_top_k_leaves_as_a_jumprelu_with_exactly_the_wanted_l0(name: str, wanted: float) -> None:
    sae = random_dictionary(name)
    made = calibrate(sae, CHUNKS, wanted)
    assert isinstance(made.sae, JumpReLUSAE)
    assert made.exported.l0 == pytest.approx(wanted, abs=1 / 4000), "one token in 4,000 may be off by one"
    x_TD = torch.cat(CHUNKS)
    pre_TF = ((x_TD - sae.b_dec) @ sae.W_enc + sae.b_enc).detach()
    level = float(pre_TF.flatten().topk(round(wanted * 4000)).values[-1])
    assert made.sae.threshold.unique().numel() == 1
    assert float(made.sae.threshold[0]) == pytest.approx(level, rel=1e-3)
    assert made.trained.l0 == pytest.approx(K, abs=1e-6), "in training a batch has k a token"
    for name in ("W_enc", "W_dec", "b_enc", "b_dec"):
        assert torch.equal(made.sae.tensors()[name], sae.tensors()[name])


def test_a_jumprelu_keeps_the_proportions_of_its_thresholds() -> None:
    sae = random_dictionary("jumprelu")
    before = measured(sae, CHUNKS)
    assert isinstance(sae, JumpReLUSAE)
    for wanted in (before.l0 * 0.9, before.l0 * 1.1):
        made = calibrate(sae, CHUNKS, wanted)
        assert isinstance(made.sae, JumpReLUSAE)
        assert made.exported.l0 == pytest.approx(wanted, rel=1e-3)
        torch.testing.assert_close(made.sae.threshold, sae.threshold * made.factor)
        assert made.trained == before


def test_an_l0_that_thresholds_cannot_give_is_not_pretended() -> None:
    sae = random_dictionary("jumprelu")
    made = calibrate(sae, CHUNKS, 0.01)
    assert made.factor == 2.0
    assert made.exported.l0 > 0.1
    everything = calibrate(random_dictionary("batchtopk"), CHUNKS, F)
    assert everything.exported.l0 < F, "what is not positive never fires"
    assert everything.factor == 0.0


@pytest.mark.parametrize("name", ["topk", "standard", "gated"])
def test_what_has_no_threshold_stays_as_it_is(name: str) -> None:
    sae = random_dictionary(name)
    made = calibrate(sae, CHUNKS, 2.0)
    assert made.sae is sae
    assert made.exported == made.trained


@pytest.mark.parametrize("name", LEARNED)
def test_measures_are_the_textbooks(name: str) -> None:
    sae = random_dictionary(name).exported()
    x_TD, found = torch.cat(CHUNKS), measured(sae, CHUNKS)
    codes = sae.encode(x_TD)
    error = (x_TD - sae.guess(x_TD, codes)).double().square().sum()
    assert found.l0 == pytest.approx(float((codes.acts_TK > 0).double().sum()) / 4000)
    spread = (x_TD - x_TD.mean(0)).double().square().sum()
    assert found.fvu == pytest.approx(float((error / spread).detach()), rel=1e-5)


def test_a_transcoder_is_calibrated_on_what_it_reads_and_measured_on_what_it_writes() -> None:
    sae = random_dictionary("batchtopk", crosses=True)
    rows = torch.cat([torch.cat(CHUNKS), activations(4000, seed=9, width=sae.d_out)], dim=1)
    made = calibrate(sae, rows.split(500), 4.0)
    assert made.exported.l0 == pytest.approx(4.0, abs=1e-3)
    y_TE = rows[:, D:]
    error = (y_TE - made.sae(rows[:, :D])).double().square().sum()
    wanted = float((error / (y_TE - y_TE.mean(0)).double().square().sum()).detach())
    assert made.exported.fvu == pytest.approx(wanted, rel=1e-5)


def test_without_held_out_tokens_there_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="no held-out token to calibrate on"):
        calibrate(random_dictionary("batchtopk"), [], 4.0)
