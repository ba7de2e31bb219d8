"""Dictionaries that learn from one reading are those that learn alone; and what can go wrong with many is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from planted import Pool, planted
from torch import Tensor

from models.dictionaries.config import SAESettings
from models.training.config import TrainingSettings
from models.training.memory_estimate import training_bytes
from models.training.trainer import Diverged, TrainedDictionary, TrainingJob, train_many
from storage.folder import Folder

NAMES = ("topk", "batchtopk", "jumprelu", "standard", "gated")
TRAINING = TrainingSettings(tokens=40 * 128, batch_tokens=128, checkpoint_tokens=10 * 128)


class Counted(Pool):
    """Counts readings; stops like a killed process after some batches, where told."""

    readings = 0
    stops_after: int | None = None

    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
        self.readings += 1
        for number, x_TD in enumerate(super().batches(batch, seed, start)):
            if number == self.stops_after:
                raise KeyboardInterrupt
            yield x_TD


@pytest.fixture(scope="module")
def x_TD() -> Tensor:
    return planted(2048, width=16, n_true=40, l0=4)[1]


@pytest.fixture
def pool(x_TD: Tensor) -> Counted:
    return Counted(x_TD)


def job(name: str, folder: Path, training: TrainingSettings = TRAINING) -> TrainingJob:
    asked = SAESettings(architecture=name, n_features=64, k=4)  # type: ignore[arg-type]
    return TrainingJob(asked, training, Folder(str(folder / name)), lambda row: None, name)


def same(found: TrainedDictionary, wanted: TrainedDictionary) -> bool:
    pairs = zip(found.sae.tensors().values(), wanted.sae.tensors().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs) and torch.equal(found.density_F, wanted.density_F)


@pytest.fixture(scope="module")
def alone(x_TD: Tensor, tmp_path_factory: pytest.TempPathFactory) -> list[TrainedDictionary]:
    folder = tmp_path_factory.mktemp("alone")
    return [next(iter(train_many([job(name, folder)], Counted(x_TD)))) for name in NAMES]


def test_together_each_ends_where_it_ends_alone(pool: Counted, tmp_path: Path, alone: list[TrainedDictionary]) -> None:
    pool.readings = 0
    together = train_many([job(name, tmp_path / "together") for name in NAMES], pool)
    assert all(same(a, b) for a, b in zip(together, alone, strict=True))
    assert pool.readings == 1, "one reading for all"


def test_a_stopped_sweep_goes_on_where_each_was(pool: Counted, tmp_path: Path, alone: list[TrainedDictionary]) -> None:
    jobs = [job(name, tmp_path / "stopped") for name in NAMES]
    pool.stops_after = 25
    with pytest.raises(KeyboardInterrupt):
        train_many(jobs, pool)
    ahead = Counted(pool.x_TD)  # one of them gets ahead by itself
    next(iter(train_many(jobs[:1], ahead)))
    pool.stops_after = None
    assert all(same(a, b) for a, b in zip(train_many(jobs, pool), alone, strict=True))


def test_other_batches_and_lengths_are_read_for_by_themselves(pool: Counted, tmp_path: Path) -> None:
    other = TRAINING.model_copy(update={"seed": 1})
    shorter = TRAINING.model_copy(update={"tokens": 20 * 128})
    kinds = (TRAINING, other, shorter)
    alone = [next(iter(train_many([job("topk", tmp_path / f"a{i}", t)], pool))) for i, t in enumerate(kinds)]
    pool.readings = 0
    together = train_many([job("topk", tmp_path / f"b{i}", t) for i, t in enumerate(kinds)], pool)
    assert all(same(a, b) for a, b in zip(together, alone, strict=True))
    assert pool.readings == 2


def test_more_than_fits_is_said_before_anything_is_read(pool: Counted, tmp_path: Path, monkeypatch) -> None:
    size = training_bytes(SAESettings(n_features=64, k=4), [16])
    monkeypatch.setattr("models.training.memory_estimate.free_bytes", lambda device: 3 * size)
    assert len(list(train_many([job(name, tmp_path) for name in NAMES[:3]], pool))) == 3
    pool.readings = 0
    with pytest.raises(ValueError, match=r"training 5 dictionaries together takes .* GiB .* train fewer at a time"):
        train_many([job(name, tmp_path / "more") for name in NAMES], pool)
    assert pool.readings == 0


def test_the_size_is_that_of_weights_gradients_and_moments(pool: Counted, tmp_path: Path) -> None:
    (trained,) = train_many([job("topk", tmp_path)], pool)
    held = 4 * 4 * sum(p.numel() for p in trained.sae.parameters())
    assert held <= training_bytes(SAESettings(n_features=64, k=4), [16]) <= 1.6 * held


def test_a_loss_that_is_no_number_names_the_dictionary(pool: Counted, tmp_path: Path) -> None:
    wild = TRAINING.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(Diverged, match=r"loss of topk is (nan|inf) at step \d+ of 40"):
        train_many([job("topk", tmp_path, wild)], pool)
