"""What is a file: a link is what it leads to, and one that leads nowhere, or back, is named."""

import os

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
