"""What is read of a finished dataset is what was written, or an error that names the file."""

import os

import pytest

from storage.folder import Folder
from storage.manifest import DamagedFile, Manifest, ManifestFile
from storage.verified_folder import VerifiedFolder


@pytest.fixture
def dataset(tmp_path):
    folder = Folder(str(tmp_path))
    for name in ("a", "b"):
        folder.write_bytes(name, b"0123456789")
    Manifest({"x": 1}, tuple(ManifestFile.of(tmp_path / name, name, 1) for name in ("a", "b"))).write(folder)
    return folder


def opened(folder: Folder) -> VerifiedFolder:
    verified = VerifiedFolder.open(folder)
    assert verified is not None
    return verified


def test_a_whole_dataset_is_read_as_any_folder(dataset):
    verified = opened(dataset)
    assert verified.read_bytes("a") == b"0123456789"
    with verified.reading("b") as path:
        assert path.read_bytes() == b"0123456789"
    assert (verified.names(), verified.exists("a"), verified.exists("c"), verified.exists()) == (
        ["a", "b"],
        True,
        False,
        True,
    )


@pytest.mark.parametrize("bit", [0, 17, 79])
def test_one_flipped_bit_is_refused_and_other_files_are_read(dataset, tmp_path, bit):
    verified = opened(dataset)
    assert verified.read_bytes("a") == b"0123456789", "read once, so that it counts as compared"
    content = bytearray(b"0123456789")
    content[bit // 8] ^= 1 << bit % 8
    before = os.stat(tmp_path / "a")
    (tmp_path / "a").write_bytes(content)
    os.utime(tmp_path / "a", ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    with pytest.raises(DamagedFile, match=f"{tmp_path}/a has sha256 .* was written: delete"):
        verified.read_bytes("a")
    assert verified.read_bytes("b") == b"0123456789"


def test_a_missing_file_and_one_that_is_not_of_the_dataset_are_named(dataset, tmp_path):
    (tmp_path / "a").unlink()
    (tmp_path / "stray").write_bytes(b"")
    with pytest.raises(DamagedFile, match="a is missing; its sha256 was"):
        opened(dataset).read_bytes("a")
    with pytest.raises(DamagedFile, match=r"stray is no file of this dataset \(a, b\)"):
        opened(dataset).read_bytes("stray")


def test_nothing_finished_is_none(tmp_path):
    assert VerifiedFolder.open(Folder(str(tmp_path))) is None
