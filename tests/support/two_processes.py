"""What the tests of training in two processes train, and what each of the two makes of it: one start for all of them.

A child finds this file by its name, which a test file has not.
"""

import itertools
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from planted import Pool, planted
from torch import Tensor

from models.dictionaries.config import SAESettings
from models.training.config import TrainingSettings
from models.training.distributed.data_parallel import DataParallel, PeerLost, joined_process_group
from models.training.distributed.feature_parallel import FeatureParallel
from models.training.trainer import TrainedDictionary, TrainingJob, train_many
from storage.folder import Folder

WIDTH, OTHER_WIDTH, N_STEPS, STOPPED_AT = 16, 12, 12, 5
FLAVOURS = {"tokens divided": DataParallel, "features divided": FeatureParallel}
SETTINGS = TrainingSettings(
    tokens=N_STEPS * 128,
    batch_tokens=128,
    checkpoint_tokens=STOPPED_AT * 128,
    dead_after_tokens=256,
    encoder_matmul_dtype="float32",
)
AUTOENCODERS = {
    "topk": SAESettings(n_features=192, k=2),
    "topk with a larger k than a part has features": SAESettings(n_features=16, k=12),
    "topk with few dead": SAESettings(n_features=64, k=3),
    "batchtopk": SAESettings(architecture="batchtopk", n_features=192, k=2),
    "matryoshka": SAESettings(architecture="matryoshka_batchtopk", n_features=192, k=2),
    "jumprelu": SAESettings(architecture="jumprelu", n_features=64, k=3),
    "jumprelu by tanh": SAESettings(architecture="jumprelu", n_features=64, k=3, sparsity_penalty="tanh"),
    "standard": SAESettings(architecture="standard", n_features=64, k=3),
    "gated": SAESettings(architecture="gated", n_features=64, k=3),
}
TRANSCODERS = {
    f"{name}, skip transcoder": SAESettings(
        architecture=name, n_features=64, k=3, output_site="mlp_out.0", skip_connection=True
    )
    for name in ("topk", "gated")
}
CASES = AUTOENCODERS | TRANSCODERS


@dataclass
class Two(Pool):
    """Two sites beside each other."""

    @property
    def widths(self) -> tuple[int, ...]:
        return (WIDTH, self.x_TD.shape[1] - WIDTH)


class Stop(Exception):
    pass


class Stopping(Pool):
    """Raises where the batch after a checkpoint's is asked for."""

    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
        yield from itertools.islice(super().batches(batch, seed, start), STOPPED_AT - start)
        raise Stop


class Patient(Pool):
    """Slow once a row has been heard of at which a process is to be killed."""

    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
        for number, x_TD in enumerate(super().batches(batch, seed, start), start):
            if number > STOPPED_AT + 3:
                time.sleep(1)
            yield x_TD


class Poisoned(Pool):
    """Batch 8 holds a NaN, in the second half."""

    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
        for number, x_TD in enumerate(super().batches(batch, seed, start), start):
            yield x_TD.clone().index_fill_(0, torch.tensor([100]), float("nan")) if number == 8 else x_TD


def pool() -> Pool:
    return Pool(planted(2048, width=WIDTH, n_true=40, l0=4)[1] * 3 + 5)


def two_sites() -> Pool:
    x_TD = pool().x_TD
    return Two(torch.cat([x_TD, (x_TD @ planted(1, WIDTH, OTHER_WIDTH)[0].T).relu()], dim=1))


def job(case: str, folder: Path, log=lambda row: None) -> TrainingJob:
    return TrainingJob(CASES[case], SETTINGS, Folder(str(folder / case)), log, case)


def all_of_them(folder: Path, process_group=None) -> dict[str, TrainedDictionary]:
    more = {} if process_group is None else {"process_group": process_group}
    found: dict[str, TrainedDictionary] = {}
    for cases, source in ((AUTOENCODERS, pool()), (TRANSCODERS, two_sites())):
        found |= zip(cases, train_many([job(case, folder) for case in cases], source, **more), strict=True)
    return found


def stopped(case: str, folder: Path, **more) -> None:
    try:
        train_many([job(case, folder)], Stopping(pool().x_TD), **more)
    except Stop:
        return
    raise AssertionError("the run was not stopped")


def both(folder: Path) -> None:
    """Both processes, forked from one that has read torch, which takes seconds; their exit codes stand in `codes`."""
    children = [multiprocessing.get_context("fork").Process(target=work, args=(rank, 2, folder)) for rank in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(300)
    (folder / "codes").write_text(str([child.exitcode for child in children]))
    for child in children:
        child.kill()


def work(rank: int, size: int, folder: Path) -> None:
    """Leaves in `folder` what each process has at the end, under flavour and rank; then the second process dies."""
    torch.set_num_threads(1)
    with joined_process_group(rank, size, folder / "meeting", "cpu"):
        for flavour, kind in FLAVOURS.items():
            process_group = kind()
            found: dict[str, object] = dict(all_of_them(folder / flavour, process_group))
            (continued,) = train_many([job("topk", folder / f"by one, {flavour}")], pool(), process_group=process_group)
            if kind is FeatureParallel:
                stopped("topk", folder / "by many", process_group=process_group)
            own = torch.arange(3 * rank)
            found |= {
                "continued": continued,
                "gathered": process_group.gathered(own),
                "sum": process_group.sum(own.sum()),
            }
            found["rounded"] = process_group.gathered(own.bfloat16())
            torch.save(found, folder / f"{flavour}-{rank}")
        if rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        began = time.monotonic()
        try:
            process_group.sum(torch.zeros(1))
        except PeerLost as error:
            (folder / "unanswered").write_text(f"{time.monotonic() - began:.1f} s: {error}")
            os._exit(0)
