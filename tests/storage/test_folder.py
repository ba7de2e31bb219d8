"""A file in a folder appears whole or not at all, on disk and on S3."""

import os
import subprocess
import time

import pytest
from small_disk import small_disk

from storage.folder import AbsentFolder, Folder
from storage.unwritable import Unwritable
from storage.written_bytes import written_bytes


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


def test_what_is_written_whole_is_counted_wherever_it_goes(folder):
    before = written_bytes()
    folder.write_bytes("a", b"12345")
    assert written_bytes() - before == 5
    with pytest.raises(FileNotFoundError), folder.writing("b"):
        pass
    assert written_bytes() - before == 5


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
    left = tmp_path / ".tmp-0123-shard.parquet"
    left.write_bytes(b"half")
    os.utime(left, (0, time.time() - 3700))
    (tmp_path / "shard.parquet").write_bytes(b"whole")
    folder = Folder(str(tmp_path))

    assert folder.names() == ["shard.parquet"]
    folder.sweep()
    assert [p.name for p in tmp_path.iterdir()] == ["shard.parquet"]


def test_a_sweep_leaves_what_another_process_is_writing(tmp_path):
    folder = Folder(str(tmp_path))
    with folder.writing("shard.parquet") as path:
        path.write_bytes(b"whole")
        folder.sweep()
    assert folder.read_bytes("shard.parquet") == b"whole"


def test_versions_are_of_whole_files(folder):
    folder.write_bytes("a.yaml", b"one")
    folder.filesystem.pipe_file(f"{folder.path}/.tmp-0123-b.yaml", b"half")
    assert list(folder.versions()) == ["a.yaml"]


def test_a_file_that_goes_while_the_folder_is_listed_has_no_version(tmp_path, monkeypatch):
    folder = Folder(str(tmp_path))
    for name in ("gone.yaml", "here.yaml"):
        folder.write_bytes(name, b"one")
    listed = folder.names()
    (tmp_path / "gone.yaml").unlink()
    monkeypatch.setattr(Folder, "names", lambda self: listed)
    assert list(folder.versions()) == ["here.yaml"]


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "small", "64k") as place:
        yield place


def test_a_full_disk_is_said_and_leaves_nothing_half_written(disk):
    folder = Folder(str(disk))
    folder.write_bytes("a.bin", b"whole")
    with pytest.raises(Unwritable, match=r"a\.bin could not be written \(No space left on device\).*Make room"):
        folder.write_bytes("a.bin", bytes(200_000))
    assert folder.read_bytes("a.bin") == b"whole"
    assert [p.name for p in disk.iterdir()] == ["a.bin"]


def test_a_read_only_store_is_said(disk):
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(Unwritable, match=r"a\.bin could not be written \(Read-only file system\)"):
        (Folder(str(disk)) / "deeper").write_bytes("a.bin", b"x")


def test_an_absent_folder_is_told_from_an_empty_one(folder):
    with pytest.raises(
        AbsentFolder, match=r"the store .*some/place is not there \((no such folder|nothing lies under)"
    ):
        folder.require("the store", "mount it")
    folder.write_bytes("a.bin", b"one")
    folder.require("the store", "mount it")


def test_a_bucket_that_does_not_exist_is_named(s3):
    with pytest.raises(AbsentFolder, match=r"there is no bucket 'no-such-bucket', or it is not ours\): mount it"):
        (Folder("s3://no-such-bucket") / "home").require("the store", "mount it")


def test_a_file_and_a_link_to_nowhere_are_no_folders(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "not_mounted")
    for name, why in (("file", "it is a file"), ("link", "is a link to .*not_mounted, which is not there")):
        with pytest.raises(AbsentFolder, match=why):
            Folder(str(tmp_path / name)).require("the store", "mount it")


def test_files_below_are_those_of_every_folder_and_nothing_hidden(folder):
    for name in ("a.bin", ".hidden"):
        folder.write_bytes(name, b"1")
    (folder / "inner" / "deep").write_bytes("b.bin", b"2")
    (folder / ".git").write_bytes("c.bin", b"3")
    assert folder.files_below() == ["a.bin", "inner/deep/b.bin"]


def test_the_version_of_a_file_changes_when_it_is_written_again_with_the_same_content(folder):
    assert folder.versions() == {}
    folder.write_bytes("a.yaml", b"one")
    (folder / "inner").write_bytes("b.yaml", b"two")
    before = folder.versions()
    assert list(before) == ["a.yaml"]
    assert folder.versions() == before
    time.sleep(1.1)  # an object store counts in seconds
    folder.write_bytes("a.yaml", b"one")
    assert folder.versions() != before
