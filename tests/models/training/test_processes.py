"""Training in two processes against training in one."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from two_processes import (
    CASES,
    FLAVOURS,
    N_STEPS,
    STOPPED_AT,
    Patient,
    Poisoned,
    all_of_them,
    both,
    job,
    pool,
    stopped,
)

from models.training.checkpoint import TrainingCheckpoint
from models.training.curve import CurvePoint
from models.training.distributed.launcher import WorkerLost, launch_training
from models.training.trainer import Diverged, TrainedDictionary, train_many

TOLERANCE = 5e-4
"""Two processes add up the same numbers in another order, which moves a gradient by some 1e-7 of its terms. Adam moves
a weight by its gradient over the gradient's own size, so that where terms nearly cancel rounding shows. Found in
weights of size 1 after 12 steps of .0125 each: 1e-6 at most, and 8e-5 where a batch shares its k."""
flavours = pytest.mark.parametrize("flavour", FLAVOURS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both processes have been through all of it."""
    folder = tmp_path_factory.mktemp("two")
    for flavour in FLAVOURS:
        stopped("topk", folder / f"by one, {flavour}")
    start = multiprocessing.get_context("spawn").Process(target=both, args=(folder,))
    start.start()
    start.join()
    codes = (folder / "codes").read_text()
    assert codes == f"[0, {-signal.SIGKILL}]", f"exit codes {codes}; None is a process that waits for the other"
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainedDictionary]:
    return all_of_them(tmp_path_factory.mktemp("one"))


def found(folder: Path, flavour: str, rank: int = 0) -> dict[str, Any]:
    return torch.load(folder / f"{flavour}-{rank}", weights_only=False)


def assert_same(one: TrainedDictionary, other: TrainedDictionary) -> None:
    for name, wanted in one.sae.state_dict().items():
        off = float((other.sae.state_dict()[name] - wanted).abs().max())
        assert off < TOLERANCE, f"{name} is off by {off:.1e}"


def assert_equal(one: TrainedDictionary, other: TrainedDictionary) -> None:
    for name, wanted in one.sae.state_dict().items():
        assert torch.equal(other.sae.state_dict()[name], wanted), f"{name} differs"


@flavours
@pytest.mark.parametrize("case", CASES)
def test_two_processes_train_the_dictionary_that_one_trains(
    folder: Path, alone: dict[str, TrainedDictionary], flavour: str, case: str
) -> None:
    one, two = alone[case], found(folder, flavour)[case]
    assert_same(one, two)
    torch.testing.assert_close(two.density_F, one.density_F, rtol=0, atol=2 / 128)
    for ours, wanted in zip(two.curve, one.curve, strict=True):
        for name in ("step", "tokens", "learning_rate", "dead_fraction"):
            assert getattr(ours, name) == getattr(wanted, name), f"{name} at step {wanted.step}"
        for name in ("loss", "fvu", "l0", "aux_loss"):
            assert getattr(ours, name) == pytest.approx(getattr(wanted, name), rel=1e-4, abs=1e-6), name


def test_the_cases_revive_dead_features_few_and_many(alone: dict[str, TrainedDictionary]) -> None:
    """Else the comparison would say nothing of the auxiliary loss: it takes at most half as many as the width."""
    few, many = alone["topk with few dead"], alone["topk"]
    assert any(0 < round(64 * row.dead_fraction) < 8 for row in few.curve)
    assert max(192 * row.dead_fraction for row in many.curve) > 16
    assert max(row.aux_loss for row in many.curve) > 0.1


@pytest.mark.parametrize("case", CASES)
def test_processes_that_divide_tokens_have_the_same_weights(folder: Path, case: str) -> None:
    first, second = (found(folder, "tokens divided", rank)[case] for rank in range(2))
    assert_equal(first, second)
    assert torch.equal(first.density_F, second.density_F)


@pytest.mark.parametrize("case", CASES)
def test_processes_that_divide_features_have_different_ones_and_the_rest_in_common(folder: Path, case: str) -> None:
    whole, second = (found(folder, "features divided", rank)[case].sae for rank in range(2))
    n = CASES[case].width(16)
    assert (whole.n_features, second.n_features) == (n, n // 2)
    assert torch.equal(whole.W_dec[n // 2 :], second.W_dec)
    assert torch.equal(whole.encoder_FD[n // 2 :], second.encoder_FD)
    assert torch.equal(whole.b_dec, second.b_dec)


@flavours
def test_two_processes_go_on_from_the_checkpoint_of_one(
    folder: Path, alone: dict[str, TrainedDictionary], flavour: str
) -> None:
    continued = found(folder, flavour)["continued"]
    assert_same(alone["topk"], continued)
    assert len(continued.curve) == N_STEPS


def test_one_process_goes_on_from_the_checkpoint_of_two(folder: Path, alone: dict[str, TrainedDictionary]) -> None:
    rows: list[CurvePoint] = []
    (continued,) = train_many([job("topk", folder / "by many", rows.append)], pool())
    assert_same(alone["topk"], continued)
    assert rows[0].step == STOPPED_AT + 1


@flavours
@pytest.mark.parametrize("case", CASES)
def test_the_checkpoint_is_laid_out_as_that_of_one_process(
    folder: Path, tmp_path: Path, flavour: str, case: str, alone: dict[str, TrainedDictionary]
) -> None:
    checkpoint = TrainingCheckpoint.latest(job(case, folder / flavour).checkpoints)
    assert checkpoint is not None
    assert checkpoint.step == N_STEPS
    n, learned = CASES[case].width(16), alone[case].sae.state_dict()
    for name, wanted in learned.items():
        assert checkpoint.tensors[f"sae.{name}"].shape == wanted.shape
    for name, parameter in alone[case].sae.named_parameters():
        assert checkpoint.tensors[f"adam.{name}.exp_avg_sq"].shape == parameter.shape
    assert checkpoint.tensors["silent_F"].shape == checkpoint.tensors["firings_F"].shape == (n,)


@flavours
def test_what_is_gathered_stands_in_the_order_of_the_processes(folder: Path, flavour: str) -> None:
    """The first has nothing, the second 0, 1, 2."""
    for rank in range(2):
        results = found(folder, flavour, rank)
        assert results["gathered"].tolist() == results["rounded"].tolist() == [0, 1, 2]
        assert results["rounded"].dtype == torch.bfloat16
        assert int(results["sum"]) == 3


def test_a_process_whose_partner_was_killed_says_so(folder: Path) -> None:
    said = (folder / "unanswered").read_text()
    assert "another process of this training no longer answers" in said
    assert float(said.split()[0]) < 5


def assert_killed_in_the_middle(folder: Path) -> None:
    """A checkpoint is left; nothing else of the two processes is."""
    killed_at: list[float] = []

    def kill_the_second(row: CurvePoint) -> None:
        if row.step == STOPPED_AT + 3:
            second = next(c for c in multiprocessing.active_children() if c.name == "training-1")
            os.kill(second.pid or 0, signal.SIGKILL)
            killed_at.append(time.monotonic())

    with pytest.raises(WorkerLost, match=r"process 1 of 2 was ended by SIGKILL.*step-000000005\.safetensors.*again"):
        launch_training([job("topk", folder, kill_the_second)], Patient(pool().x_TD), 2)
    assert time.monotonic() - killed_at[0] < 20
    assert multiprocessing.active_children() == []
    checkpoint = TrainingCheckpoint.latest(job("topk", folder).checkpoints)
    assert checkpoint is not None
    assert checkpoint.step == STOPPED_AT


@pytest.mark.slow
def test_a_killed_process_ends_the_others_and_leaves_the_checkpoint(tmp_path: Path) -> None:
    assert_killed_in_the_middle(tmp_path)


@pytest.mark.slow
def test_a_run_of_two_processes_goes_on_where_one_was_killed(folder: Path, tmp_path: Path) -> None:
    """That two go on from a checkpoint of one, and one from theirs, is held above."""
    assert_killed_in_the_middle(tmp_path)
    rows: list[CurvePoint] = []
    (trained,) = launch_training([job("topk", tmp_path, rows.append)], pool(), 2)
    assert [row.step for row in rows] == list(range(STOPPED_AT + 1, N_STEPS + 1)), "each row is told once"
    assert_equal(found(folder, "tokens divided")["topk"], trained)


@pytest.mark.slow
def test_an_error_in_a_process_is_raised_as_it_would_be_in_one(tmp_path: Path) -> None:
    poisoned = Poisoned(pool().x_TD)
    with pytest.raises(Diverged, match=r"loss of topk is nan at step 8 of 12 .*step-000000005") as caught:
        launch_training([job("topk", tmp_path)], poisoned, 2)
    assert "in training process" in caught.value.__notes__[0]
    assert multiprocessing.active_children() == []


PARENT = """
import multiprocessing, sys
from pathlib import Path
from two_processes import Patient, job, pool
from models.training.distributed.launcher import launch_training

if __name__ == "__main__":
    told = lambda row: print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    launch_training([job("topk", Path(sys.argv[1]), told)], Patient(pool().x_TD), 2)
"""


@pytest.mark.slow
def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, script, tmp_path], env=environment, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        children = [int(word) for word in parent.stdout.readline().split()]
        parent.kill()
    assert len(children) == 2
    until = time.monotonic() + 10
    while any(runs(child) for child in children):
        assert time.monotonic() < until, "a process outlives its parent"
        time.sleep(0.1)


def runs(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False
