"""A file in a folder appears whole or not at all, on disk and on S3."""

import pytest

from models.folder import Folder


@pytest.fixture(params=["local", "s3"])
def folder(request, tmp_path):
    if request.param == "local":
        return Folder(str(tmp_path)) / "some" / "place"
    return Folder(request.getfixturevalue("s3")) / "some" / "place"


def test_what_is_written_is_read(folder):
    folder.write_bytes("a.bin", b"one")
    folder.write_bytes("a.bin", b"two")
    (folder / "inner").write_bytes("b.bin", b"three")

    assert folder.read_bytes("a.bin") == b"two"
    assert folder.size("a.bin") == 3
    assert folder.names() == ["a.bin"]
    assert folder.folders() == ["inner"]
    with folder.reading("a.bin") as path:
        assert path.read_bytes() == b"two"


def test_a_write_that_fails_leaves_what_was_there(folder):
    folder.write_bytes("a.bin", b"whole")

    def write_and_fail():
        with folder.writing("a.bin") as path:
            path.write_bytes(b"ha")
            raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        write_and_fail()

    assert folder.read_bytes("a.bin") == b"whole"
    assert folder.names() == ["a.bin"]


def test_a_folder_that_is_not_there_is_empty(folder):
    assert not folder.exists()
    assert (folder.names(), folder.folders()) == ([], [])
    folder.remove()


def test_remove_deletes_all(folder):
    folder.write_bytes("a.bin", b"one")
    (folder / "inner").write_bytes("b.bin", b"three")
    folder.remove()

    assert not folder.exists("a.bin")
    assert folder.folders() == []


def test_sweep_deletes_what_a_killed_writer_left(tmp_path):
    (tmp_path / ".tmp-0123-shard.parquet").write_bytes(b"half")
    (tmp_path / "shard.parquet").write_bytes(b"whole")
    folder = Folder(str(tmp_path))

    assert folder.names() == ["shard.parquet"]
    folder.sweep()
    assert [p.name for p in tmp_path.iterdir()] == ["shard.parquet"]
