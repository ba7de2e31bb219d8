"""Training: what it learns, what it writes down, how it goes on after a stop."""

import itertools
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import torch
from planted import Pool, fvu, planted
from torch import Tensor

from models.dictionaries.config import SAESettings
from models.dictionaries.normalization import Normalization
from models.dictionaries.registry import architecture
from models.training.checkpoint import TrainingCheckpoint
from models.training.config import TrainingSettings
from models.training.curve import CurvePoint
from models.training.run import TrainingRun
from models.training.schedule import TrainingSchedule
from models.training.trainer import Diverged, TrainedDictionary, train
from storage.folder import Folder

SAE = SAESettings(n_features=64, k=4)
SETTINGS = TrainingSettings(tokens=60 * 128, batch_tokens=128, checkpoint_tokens=20 * 128, dead_after_tokens=1024)


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool(planted(4096, width=16, n_true=40, l0=4)[1] * 3 + 5)


def run(
    pool: Pool, folder: Folder, settings: TrainingSettings = SETTINGS, rows: list[CurvePoint] | None = None
) -> TrainedDictionary:
    return train(SAE, settings, pool, folder, (rows if rows is not None else []).append)


class Stop(Exception):
    pass


class Stopping(Pool):
    """Raises where a signal would have struck: when batch number `after` is asked for."""

    after = 0

    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
        yield from itertools.islice(super().batches(batch, seed, start), self.after - start)
        raise Stop


def without_speed(rows: tuple[CurvePoint, ...]) -> list[tuple[float, ...]]:
    return [tuple(getattr(row, name) for name in CurvePoint.__slots__ if name != "tokens_per_second") for row in rows]


@pytest.fixture(scope="module")
def whole_runs(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], TrainedDictionary]:
    """The uninterrupted run by the dtype of its products, each made once."""

    @cache
    def whole(matmul: str) -> TrainedDictionary:
        settings = SETTINGS.model_copy(update={"encoder_matmul_dtype": matmul})
        return run(pool, Folder(str(tmp_path_factory.mktemp("whole"))), settings)

    return whole


@pytest.mark.parametrize(
    ("after", "matmul"),
    [(1, "float32"), (19, "bfloat16"), (20, "float32"), (21, "bfloat16"), (47, "float32"), (59, "bfloat16")],
)
def test_a_stopped_run_ends_bit_for_bit_where_an_uninterrupted_one_does(
    pool: Pool, tmp_path: Path, whole_runs: Callable[[str], TrainedDictionary], after: int, matmul: str
) -> None:
    settings, whole = SETTINGS.model_copy(update={"encoder_matmul_dtype": matmul}), whole_runs(matmul)
    stopping = Stopping(pool.x_TD)
    stopping.after = after
    folder = Folder(str(tmp_path / "stopped"))
    with pytest.raises(Stop):
        train(SAE, settings, stopping, folder, lambda row: None)
    rows: list[CurvePoint] = []
    resumed = run(pool, folder, settings, rows)
    for name, wanted in whole.sae.state_dict().items():
        assert torch.equal(resumed.sae.state_dict()[name], wanted), f"{name} differs"
    assert without_speed(resumed.curve) == without_speed(whole.curve)
    assert torch.equal(resumed.density_F, whole.density_F)
    assert rows[0].step == after // 20 * 20 + 1, "a resumed run logs only what it does itself"


def test_a_finished_run_is_not_run_again(pool: Pool, tmp_path: Path) -> None:
    folder, rows = Folder(str(tmp_path)), []
    whole = run(pool, folder)
    again = run(pool, folder, SETTINGS, rows)
    assert rows == []
    assert again.curve == whole.curve
    assert all(torch.equal(again.sae.state_dict()[name], w) for name, w in whole.sae.state_dict().items())


def test_only_the_newest_checkpoint_is_kept(pool: Pool, tmp_path: Path) -> None:
    run(pool, Folder(str(tmp_path)))
    assert [p.name for p in tmp_path.iterdir()] == ["step-000000060.safetensors"]


def test_a_checkpoint_of_other_settings_or_activations_is_not_used(pool: Pool, tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    run(pool, folder)
    for other in (
        lambda rows: train(SAE, SETTINGS.model_copy(update={"seed": 1}), pool, folder, rows.append),
        lambda rows: train(SAE, SETTINGS, pool, folder, rows.append, identity="other activations"),
        lambda rows: train(SAE, SETTINGS, Pool(pool.x_TD[:-1]), folder, rows.append),
    ):
        rows: list[CurvePoint] = []
        other(rows)
        assert rows[0].step == 1


def test_a_damaged_checkpoint_is_named(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "step-000000020.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(ValueError, match=r"step-000000020.safetensors is no checkpoint .* delete it"):
        run(pool, Folder(str(tmp_path)))


def test_training_rewrites_nothing_it_was_given(pool: Pool, tmp_path: Path) -> None:
    before = pool.x_TD.clone()
    run(pool, Folder(str(tmp_path)))
    assert torch.equal(pool.x_TD, before)


class Poisoned(Pool):
    """Batch 33 holds a NaN."""

    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
        for number, x_TD in enumerate(super().batches(batch, seed, start), start):
            yield x_TD.clone().index_fill_(0, torch.tensor([5]), float("nan")) if number == 33 else x_TD


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_last_good_checkpoint(pool: Pool, tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    with pytest.raises(Diverged, match=r"is nan at step 33 of 60 .*step-000000020.safetensors"):
        run(Poisoned(pool.x_TD), folder)
    checkpoint = TrainingCheckpoint.latest(folder)
    assert checkpoint is not None
    assert all(tensor.isfinite().all() for tensor in checkpoint.tensors.values())


def test_the_first_steps_have_no_checkpoint_to_name(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="no checkpoint yet"):
        run(Poisoned(pool.x_TD), Folder(str(tmp_path)), SETTINGS.model_copy(update={"checkpoint_tokens": 10**6}))


def test_the_curve_says_what_happened(pool: Pool, tmp_path: Path) -> None:
    rows: list[CurvePoint] = []
    trained = run(pool, Folder(str(tmp_path)), SETTINGS, rows)
    assert trained.curve == tuple(rows)
    assert [row.step for row in rows] == list(range(1, 61))
    assert [row.tokens for row in rows] == [128 * step for step in range(1, 61)]
    assert trained.n_tokens == rows[-1].tokens
    assert all(0 <= row.dead_fraction <= 1 and 0 < row.l0 <= SAE.k and row.tokens_per_second > 0 for row in rows)
    assert rows[-1].fvu < 0.6 * rows[0].fvu


def test_the_fvu_of_the_curve_is_that_of_the_exported_dictionary(pool: Pool, tmp_path: Path) -> None:
    """With a learning rate of almost zero the dictionary of each window is the exported one."""
    settings = TrainingSettings(tokens=4 * 1024, batch_tokens=1024, learning_rate=1e-9, encoder_matmul_dtype="float32")
    trained = run(pool, Folder(str(tmp_path)), settings)
    assert len(trained.curve) == 4
    for row, x_TD in zip(trained.curve, pool.batches(1024, 0), strict=False):
        assert row.fvu == pytest.approx(fvu(x_TD, trained.sae(x_TD)), rel=1e-4)


def test_the_learning_rate_rises_stays_and_falls() -> None:
    plan = TrainingSchedule.of(
        TrainingSettings(tokens=100_000, batch_tokens=100, learning_rate=0.5), 64, torch.device("cpu"), 1 / 64
    )
    rates = [plan.rate(step) for step in range(plan.n_steps)]
    assert rates[0] == pytest.approx(0.5 / 50)
    assert rates[49:800] == [0.5] * 751
    assert all(a > b > 0 for a, b in itertools.pairwise(rates[800:]))
    assert rates[-1] == pytest.approx(0.5 / 201)


def test_a_step_forgets_the_first_steps_within_a_twentieth_of_the_run() -> None:
    """A gradient of 1 in 100 steps and of .1 in the 900 after them: the steps that Adam makes of both are of one size
    again long before the run ends, as they are not with the usual memory of 1,000 steps."""
    plan = TrainingSchedule.of(
        TrainingSettings(tokens=100_000, batch_tokens=100, learning_rate=0.5), 64, torch.device("cpu"), 1 / 64
    )
    weight = torch.nn.Parameter(torch.zeros(()))
    sae = architecture("topk").build(SAE, 16, torch.Generator())
    of_run = TrainingRun(sae, [Normalization(torch.zeros(16), 1.0)], plan, torch.device("cpu")).adam
    adam = torch.optim.Adam([weight], lr=1.0, betas=of_run.param_groups[0]["betas"])
    for step in range(plan.n_steps):
        before, weight.grad = weight.item(), torch.tensor(1.0 if step < 100 else 0.1)
        adam.step()
        if step == 900:
            assert before - weight.item() > 0.95


def test_the_dead_window_is_counted_in_tokens() -> None:
    """64 firings of a feature of mean density and 8 steps at least, a twentieth of the run and 10 M tokens at most."""
    for tokens, density, shortest, longest in (
        (4_000_000, 1 / 200, 12_800, 200_000), (4_000_000, 1 / 100, 8_000, 200_000),
        (4_000_000, 1e-6, 200_000, 200_000), (400_000, 1e-3, 20_000, 20_000),
        (10**9, 1e-3, 64_000, 10_000_000), (10**9, 1e-6, 10_000_000, 10_000_000),
    ):  # fmt: skip
        settings = TrainingSettings(tokens=tokens, batch_tokens=1000)
        plan = TrainingSchedule.of(settings, 64, torch.device("cpu"), density)
        assert (plan.dead_after_tokens, plan.surely_dead_after_tokens) == (shortest, longest)
    own = TrainingSettings(tokens=4_000_000, batch_tokens=1000, dead_after_tokens=7)
    plan = TrainingSchedule.of(own, 64, torch.device("cpu"), 1e-3)
    assert (plan.dead_after_tokens, plan.surely_dead_after_tokens) == (7, 7)


def test_a_rare_feature_is_not_dead_when_one_of_its_silence_that_was_frequent_is() -> None:
    """Silence is held against the feature's own interval: 16 of them, within the shortest and the longest window."""
    settings = SAESettings(n_features=8, k=2)
    sae = architecture(settings.architecture).trainable(settings, [8], [], torch.Generator().manual_seed(0))
    plan = TrainingSchedule.of(TrainingSettings(tokens=4_000_000, batch_tokens=1000), 8, torch.device("cpu"), 1 / 20)
    assert (plan.dead_after_tokens, plan.surely_dead_after_tokens) == (8_000, 200_000)
    run = TrainingRun(sae, [Normalization(torch.zeros(8), 1.0)], plan, torch.device("cpu"))
    run.step = 1000
    silence_and_firings = (
        (7_000, 9_930),
        (9_000, 9_910),
        (20_000, 500),
        (40_000, 500),
        (180_000, 1),
        (200_000, 1),
        (180_000, 80),
        (10**6, 0),
    )
    for feature, (silence, firings) in enumerate(silence_and_firings):
        run.silent_F[feature], run.all_firings_F[feature] = silence, firings
    assert run.dead_F.tolist() == [False, True, False, True, False, True, True, True]


def test_firings_are_counted_from_the_first_step_for_the_intervals_and_from_the_last_fifth_for_the_densities() -> None:
    settings, chance = SAESettings(n_features=8, k=2), torch.Generator().manual_seed(0)
    sae = architecture(settings.architecture).trainable(settings, [8], [], chance)
    plan = TrainingSchedule.of(TrainingSettings(tokens=5 * 128, batch_tokens=128), 8, torch.device("cpu"), 1 / 4)
    assert plan.decay == 4
    run, early = TrainingRun(sae, [Normalization(torch.zeros(8), 1.0)], plan, torch.device("cpu")), torch.zeros(8)
    for step in range(5):
        run.advance(torch.randn(128, 8, generator=chance))
        early = run.all_firings_F.clone() if step == 3 else early
        assert not run.firings_F.any() or step == 4
    assert 0 < early.sum() <= 2 * 4 * 128
    assert (run.all_firings_F - run.firings_F).equal(early)
    resumed = TrainingRun(sae, run.scalings, plan, torch.device("cpu"))
    resumed.restore(run.checkpoint("the same"))
    assert resumed.all_firings_F.equal(run.all_firings_F)


def test_densities_are_those_of_the_last_fifth(pool: Pool, tmp_path: Path) -> None:
    settings = TrainingSettings(tokens=10 * 512, batch_tokens=512, learning_rate=1e-9, encoder_matmul_dtype="float32")
    trained = run(pool, Folder(str(tmp_path)), settings)
    last = list(itertools.islice(pool.batches(512, 0), 10))[8:]
    codes = trained.sae.encode(torch.cat(last))
    counts_F = torch.bincount(codes.features_TK[codes.acts_TK > 0], minlength=64)
    torch.testing.assert_close(trained.density_F, counts_F.double() / 1024)


def test_an_empty_or_constant_source_is_refused(tmp_path: Path) -> None:
    for x_TD, message in ((torch.zeros(0, 8), "no training token"), (torch.ones(500, 8), "are equal")):
        with pytest.raises(ValueError, match=message):
            run(Pool(x_TD), Folder(str(tmp_path)))
    assert not list(tmp_path.iterdir())
