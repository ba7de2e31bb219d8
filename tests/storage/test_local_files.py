"""What is a file: a link is what it leads to, and one that leads nowhere, or back, is named."""

import os
import threading

import pytest

from storage.folder import Folder
from storage.local_files import BrokenLink


@pytest.fixture
def linked(tmp_path):
    """A folder of links to a file, to a folder, to nothing and to itself."""
    (tmp_path / "blobs" / "inner").mkdir(parents=True)
    (tmp_path / "blobs" / "abc").write_bytes(b"whole")
    (tmp_path / "blobs" / "inner" / "deep").write_bytes(b"deeper")
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    (snapshot / "model.bin").symlink_to("../blobs/abc")
    (snapshot / "folder").symlink_to("../blobs/inner")
    (snapshot / "missing.bin").symlink_to("../blobs/none")
    (snapshot / "itself").symlink_to("itself")
    return Folder(str(snapshot))


def test_a_link_is_what_it_leads_to(linked):
    assert linked.names() == ["itself", "missing.bin", "model.bin"]
    assert linked.folders() == ["folder"]
    assert linked.read_bytes("model.bin") == b"whole"
    assert linked.size("model.bin") == 5
    assert linked.exists("model.bin")
    assert linked.samples("model.bin", [0], 2) == [b"wh"]
    assert (linked / "folder").read_bytes("deep") == b"deeper"


@pytest.mark.parametrize(
    ("name", "why"),
    [("missing.bin", r"a link to \.\./blobs/none, which is not there"), ("itself", "which leads back to itself")],
)
def test_a_link_that_leads_nowhere_is_named_by_whoever_reads_it(linked, name, why):
    for read in (linked.exists, linked.size, linked.version, linked.read_bytes, lambda n: linked.samples(n, [0], 1)):
        with pytest.raises(BrokenLink, match=why):
            read(name)
    with pytest.raises(BrokenLink, match=why), linked.reading(name):
        pass


def test_removing_a_link_leaves_what_it_leads_to(linked, tmp_path):
    for name in ("model.bin", "folder", "missing.bin", "itself"):
        linked.remove(name) if name != "folder" else (linked / "folder").remove()
    assert (linked.names(), linked.folders()) == ([], [])
    assert sorted(os.listdir(tmp_path / "blobs")) == ["abc", "inner"]
    assert (tmp_path / "blobs" / "inner" / "deep").exists()


def test_files_below_a_link_are_found_and_a_loop_is_named(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    top = tmp_path / "top"
    top.mkdir()
    (top / "linked").symlink_to("../texts")
    (top / "twice").symlink_to("../texts")
    assert Folder(str(top)).files_below() == ["linked/a.txt", "twice/a.txt"]
    (tmp_path / "texts" / "back").symlink_to("../top")
    with pytest.raises(BrokenLink, match=r"linked/back leads back to a folder that it lies in"):
        Folder(str(top)).files_below()


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert (Folder(str(tmp_path)).names(), Folder(str(tmp_path)).files_below()) == ([], [])


def test_a_folder_is_deleted_although_somebody_still_writes_into_it(tmp_path, monkeypatch):
    """As a process of a launch does that is being ended."""
    folder, writes = Folder(str(tmp_path / "launch")), iter(range(3))
    folder.write_bytes("order.json", b"{}")
    empty = os.rmdir

    def written_into(path, **given):
        if next(writes, None) is not None:
            (tmp_path / "launch" / "alive-1").write_bytes(b"")
        empty(path, **given)

    monkeypatch.setattr(os, "rmdir", written_into)
    folder.remove()
    assert not (tmp_path / "launch").exists()


def test_of_two_who_delete_a_folder_neither_fails(tmp_path):
    folder = tmp_path / "launch"
    for number in range(200):
        (folder / str(number)).mkdir(parents=True)
        (folder / str(number) / "a.bin").write_bytes(b"")
    failed = []

    def deletes():
        try:
            Folder(str(folder)).remove()
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=deletes) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failed, folder.exists()) == ([], False)
