"""A cross-layer transcoder learns what was planted; its gradients are those of dense products, its slices are it."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional
from planted_blocks import WIDTH, PlantedBlocks
from torch import Tensor

from models.dictionaries.config import SAESettings
from models.dictionaries.cross_layer_set import CrossLayerTranscoders, transcoder_set, written_to
from models.dictionaries.cross_layer_training import CrossLayerTranscoder
from models.dictionaries.loss_terms import StepContext
from models.dictionaries.normalization import Normalization
from models.dictionaries.saelens_format import Provenance, export, load
from models.training.config import TrainingSettings
from models.training.set_calibration import calibrate_set
from models.training.threshold_calibration import Calibration
from models.training.trainer import TrainedDictionary, TrainingJob, train_many
from storage.folder import Folder

BATCH = 256


def settings(activation: str, **more: object) -> SAESettings:
    asked = {"architecture": "cross_layer_transcoder", "n_features": 48, "k": 2, "output_site": "mlp_out.*"}
    return SAESettings.model_validate(asked | {"activation": activation} | more)


def trained(source: PlantedBlocks, folder: Path, activation: str, steps: int) -> TrainedDictionary:
    training = TrainingSettings(tokens=steps * BATCH, batch_tokens=BATCH, checkpoint_tokens=10 * BATCH)
    job = TrainingJob(settings(activation), training, Folder(str(folder)), lambda row: None)
    (found,) = train_many([job], source)
    return found


@pytest.fixture(scope="module")
def source() -> PlantedBlocks:
    return PlantedBlocks.of(8192)


@pytest.fixture(scope="module")
def learned(source: PlantedBlocks, tmp_path_factory: pytest.TempPathFactory) -> TrainedDictionary:
    return trained(source, tmp_path_factory.mktemp("learned"), "batchtopk", 250)


@pytest.fixture(scope="module")
def calibrated(source: PlantedBlocks, learned: TrainedDictionary) -> list[Calibration]:
    assert isinstance(learned.learned, CrossLayerTranscoder)
    return calibrate_set(learned.learned, (3, 5), PlantedBlocks.of(8192).rows_TD.split(BATCH), 2)


def best_cosines(wanted_ND: Tensor, found_FD: Tensor) -> tuple[Tensor, Tensor]:
    normalize = torch.nn.functional.normalize
    best = (normalize(wanted_ND, dim=1) @ normalize(found_FD, dim=1).T).max(dim=1)
    return best.values, best.indices


def test_features_begin_by_writing_their_own_block_alone():
    made = CrossLayerTranscoder.build(settings("batchtopk"), [WIDTH] * 3, [5, 6, 7], torch.Generator().manual_seed(0))
    for number, block in enumerate(made.of_blocks):
        own, *later = block.W_dec.split(made.widths[number:], dim=1)
        torch.testing.assert_close(own.norm(dim=1), torch.ones(48))
        assert all(not rows.any() for rows in later)


def test_planted_features_are_found_and_one_latent_carries_both_blocks(
    source: PlantedBlocks, calibrated: list[Calibration]
) -> None:
    first, second = (one.sae for one in calibrated)
    own, at = best_cosines(source.written[0, 0], first.W_dec)
    later, also_at = best_cosines(source.written[0, 1], first.later_FE[5])  # type: ignore[union-attr]
    last, _ = best_cosines(source.written[1, 1], second.W_dec)
    assert min(own.mean(), later.mean(), last.mean()) > 0.99
    assert torch.equal(at, also_at), "the latent that writes block 0 is the one that writes block 1"
    for one in calibrated:
        assert one.exported.fvu < 0.06, f"FVU {one.exported.fvu:.3f} (in training {one.trained.fvu:.3f})"
        assert one.exported.l0 == pytest.approx(2, rel=0.01)


def test_slices_do_with_raw_activations_what_training_does_with_scaled_ones(
    source: PlantedBlocks, learned: TrainedDictionary
) -> None:
    """Thresholds at 0 make both code alike: every positive pre-activation."""
    clt = learned.learned
    assert isinstance(clt, CrossLayerTranscoder)
    rows = source.rows_TD[:64]
    kept = transcoder_set({layer: sae.rescaled(0.0) for layer, sae in zip((0, 1), clt.slices((0, 1)), strict=True)})
    assert isinstance(kept, CrossLayerTranscoders)
    read = dict(enumerate(rows.split(WIDTH, dim=1)[:2]))
    codes = {layer: kept.encode(layer, x_TD) for layer, x_TD in read.items()}
    scaled, _ = clt.apply_scalings(rows)
    dense = [(x @ b.W_enc + b.b_enc).relu() for x, b in zip(scaled, clt.of_blocks, strict=True)]
    y_0, y_1 = (dense[0] @ clt.of_blocks[0].W_dec + clt.b_dec).split(WIDTH, dim=1)
    wanted = [y_0, y_1 + dense[1] @ clt.of_blocks[1].W_dec]
    for layer, y in enumerate(wanted):
        torch.testing.assert_close(written_to(kept, layer, read, codes), clt.scalings[2 + layer].undo(y))
    norms_F = torch.cat([kept.by_layer[0].W_dec, kept.by_layer[0].later_FE[1]], dim=1).norm(dim=1)
    torch.testing.assert_close(norms_F, torch.ones(48))


def test_a_slice_read_back_is_the_one_that_was_written(calibrated: list[Calibration], tmp_path: Path) -> None:
    sae, folder = calibrated[0].sae, Folder(str(tmp_path))
    assert export(sae, folder, Provenance(architecture=sae.architecture)) == [
        "sae_weights.safetensors", "later_decoders.safetensors", "cfg.json",
    ]  # fmt: skip
    found = load(folder).tensors()
    assert found.keys() == sae.tensors().keys() > {"W_dec_to.5"}
    assert all(torch.equal(found[name], t) for name, t in sae.tensors().items())


def test_a_killed_training_goes_on_bit_for_bit(source: PlantedBlocks, tmp_path: Path) -> None:
    whole = trained(source, tmp_path / "whole", "jumprelu", 20)
    with pytest.raises(KeyboardInterrupt):
        trained(PlantedBlocks(source.written, source.rows_TD, 13), tmp_path / "killed", "jumprelu", 20)
    resumed = trained(source, tmp_path / "killed", "jumprelu", 20)
    pairs = zip(resumed.learned.state_dict().values(), whole.learned.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert [row.fvu for row in resumed.curves[1]] == [row.fvu for row in whole.curves[1]]


@pytest.mark.parametrize("activation", ["batchtopk", "jumprelu"])
def test_gradients_are_those_of_dense_products(activation: str) -> None:
    """Three blocks of unequal outputs; the reference is written in plain torch, with every place of every matrix."""
    chance = torch.Generator().manual_seed(0)
    more = {"sparsity_coefficient": 2.0, "ste_bandwidth": 0.5} if activation == "jumprelu" else {}
    asked = settings(activation, n_features=12, k=3, **more)
    clt = CrossLayerTranscoder.build(asked, [5, 5, 5], [4, 6, 3], chance)
    x_TD, y_TE = torch.randn(40, 15, generator=chance), torch.randn(40, 13, generator=chance)
    with torch.no_grad():
        for block in clt.of_blocks:
            block.b_enc.copy_(0.1 * torch.randn(12, generator=chance))
            if activation == "jumprelu":
                block.get_parameter("threshold").fill_(0.8)
    dead_F = torch.zeros(36, dtype=torch.bool)
    clt.loss(x_TD, y_TE, StepContext(5, 10, dead_F, 0.0, torch.float32)).loss.backward()
    found = {name: p.grad for name, p in clt.named_parameters() if p.requires_grad}
    clt.zero_grad()

    y_hat, penalties = clt.b_dec.expand(40, 13), []
    for x, block, start in zip(x_TD.split(5, dim=1), clt.of_blocks, (0, 4, 10), strict=True):
        pre = x @ block.encoder_FD.T + block.b_enc
        if activation == "batchtopk":
            acts, penalty = pre * (pre >= pre.flatten().topk(3 * 40).values[-1]), 0.0
        else:
            level, norm = block.get_parameter("threshold"), block.W_dec.norm(dim=1)
            slope = level.detach() / 0.5 * ((pre - level).abs() < 0.25)
            ramp = slope * (pre - level)
            acts = pre * (pre > level) + ramp - ramp.detach()
            penalty = torch.tanh(4 * acts * norm).sum() + 3e-6 * ((level - pre).relu() * norm).sum()
        penalties.append(penalty)
        y_hat = y_hat + torch.nn.functional.pad(acts @ block.W_dec, (start, 0))
    spreads = [(y - y.mean(0)).square().sum() for y in y_TE.split([4, 6, 3], dim=1)]
    errors = [e.square().sum() for e in (y_TE - y_hat).split([4, 6, 3], dim=1)]
    torch.stack([(e + p) / s for e, p, s in zip(errors, penalties, spreads, strict=True)]).sum().backward()
    for name, p in clt.named_parameters():
        if p.requires_grad:
            torch.testing.assert_close(found[name], p.grad, msg=lambda text, name=name: f"{name}: {text}")


def test_one_block_is_a_transcoder(tmp_path: Path) -> None:
    clt = CrossLayerTranscoder.build(settings("batchtopk"), [5], [4], torch.Generator().manual_seed(0))
    clt = clt.folded(Normalization(torch.zeros(5), 1.0), Normalization(torch.zeros(4), 1.0))
    (alone,) = clt.slices((0,))
    export(alone, Folder(str(tmp_path)), Provenance(architecture=alone.architecture))
    assert transcoder_set({0: load(Folder(str(tmp_path)))}).written_layers(0) == (0,)


def test_a_set_with_a_block_missing_is_refused(calibrated: list[Calibration]) -> None:
    with pytest.raises(ValueError, match=r"block 3 writes the later blocks \[5\], and there are \[\]"):
        transcoder_set({3: calibrated[0].sae})
