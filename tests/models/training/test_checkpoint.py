"""A checkpoint that the disk has no room for is a sentence, and the one before it stays."""

import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from small_disk import small_disk

from models.training.checkpoint import TrainingCheckpoint
from storage.folder import Folder
from storage.unwritable import Unwritable

LIMITED = """
import resource, signal, sys
import torch
from models.training.checkpoint import TrainingCheckpoint
from storage.folder import Folder
from storage.unwritable import Unwritable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
try:
    TrainingCheckpoint(2, {"W_dec": torch.zeros(100, 1000)}, {}).write(Folder(sys.argv[1]))
except Unwritable as error:
    print(error)
"""


def checkpoint(step: int, n: int) -> TrainingCheckpoint:
    return TrainingCheckpoint(step, {"W_dec": torch.ones(n)}, {"loss": 0.5})


@pytest.mark.slow
def test_a_file_that_may_not_grow_is_said_and_the_earlier_checkpoint_stays(tmp_path: Path):
    checkpoint(1, 10).write(Folder(str(tmp_path)))
    ran = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "step-000000002.safetensors could not be written (File too large): what was there stays" in ran.stdout
    kept = TrainingCheckpoint.latest(Folder(str(tmp_path)))
    assert kept is not None
    assert (kept.step, kept.facts) == (1, {"loss": 0.5})
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001.safetensors"]


def test_a_full_disk_is_said_and_the_earlier_checkpoint_stays(tmp_path: Path):
    with small_disk(tmp_path / "small", "64k") as place:
        checkpoint(1, 10).write(Folder(str(place)))
        with pytest.raises(Unwritable, match=r"step-000000002.* could not be written \(No space left on device\)"):
            checkpoint(2, 100_000).write(Folder(str(place)))
        assert [path.name for path in place.iterdir()] == ["step-000000001.safetensors"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Error while serializing: I/O error: No space left on device (os error 28)", "No space left on device"),
        ("I/O error: Disk quota exceeded (os error 122)", "Disk quota exceeded"),
        ("I/O error: Permission denied (os error 13)", "Permission denied"),
    ],
)
def test_what_a_library_says_of_the_system_is_read(monkeypatch, tmp_path: Path, text: str, said: str):
    def fails(*_: object) -> None:
        raise safetensors.SafetensorError(text)

    monkeypatch.setattr(safetensors.torch, "save_file", fails)
    with pytest.raises(Unwritable, match=rf"could not be written \({said}\)"):
        checkpoint(1, 10).write(Folder(str(tmp_path)))


def test_another_error_of_the_library_passes(monkeypatch, tmp_path: Path):
    def fails(*_: object) -> None:
        raise safetensors.SafetensorError("header too large")

    monkeypatch.setattr(safetensors.torch, "save_file", fails)
    with pytest.raises(safetensors.SafetensorError, match="header too large"):
        checkpoint(1, 10).write(Folder(str(tmp_path)))


@pytest.mark.parametrize("place", [-1, -2001, -40])
def test_one_flipped_bit_is_refused(tmp_path: Path, place: int):
    folder = Folder(str(tmp_path))
    tensors = {"W_dec": torch.ones(600), "k": torch.tensor(3), "half": torch.ones(4, dtype=torch.bfloat16)}
    TrainingCheckpoint(7, tensors, {"loss": 0.5}).write(folder)
    whole = TrainingCheckpoint.latest(folder)
    assert whole is not None
    assert (whole.step, whole.facts) == (7, {"loss": 0.5})
    assert all(torch.equal(whole.tensors[name], tensor) for name, tensor in tensors.items())
    [path] = tmp_path.glob("step-*.safetensors")
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"step-000000007.safetensors is no checkpoint .*not what was written.*delete it"
    ):
        TrainingCheckpoint.latest(folder)


def test_a_changed_step_is_refused(tmp_path: Path):
    folder = Folder(str(tmp_path))
    checkpoint(7, 4).write(folder)
    [path] = tmp_path.glob("step-*.safetensors")
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.7"))
    with pytest.raises(ValueError, match="not what was written"):
        TrainingCheckpoint.latest(folder)
