"""A manifest tells a whole dataset from a damaged one, and one identity from another."""

import json
import os
import time

import pytest

from storage import manifest
from storage.folder import Folder
from storage.manifest import DamagedFile, Manifest, ManifestFile


@pytest.fixture
def dataset(tmp_path):
    folder = Folder(str(tmp_path))
    folder.write_bytes("part", b"0123456789")
    Manifest({"b": 2, "a": 1}, (ManifestFile.of(tmp_path / "part", "part", 10),), {"n": 3}).write(folder)
    return folder


def read(folder: Folder) -> Manifest:
    manifest = Manifest.read(folder)
    assert manifest is not None
    return manifest


def test_what_is_written_is_read_and_checked(dataset):
    manifest = read(dataset)
    assert manifest == Manifest({"b": 2, "a": 1}, manifest.files, {"n": 3})
    assert manifest.identity_sha256 == Manifest({"a": 1, "b": 2}).identity_sha256
    assert manifest.identity_sha256 != Manifest({"a": 1, "b": 3}).identity_sha256
    manifest.check(dataset)


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"01234", "has 5 bytes, 10 were written"), (b"0123456780", "has sha256"), (None, "is missing")],
)
def test_a_damaged_file_is_named_with_its_sha256(dataset, content, found):
    sha256 = read(dataset).files[0].sha256
    dataset.remove("part")
    if content is not None:
        dataset.write_bytes("part", content)
    with pytest.raises(DamagedFile, match=f"part.*{found}.*materialize") as error:
        read(dataset).check(dataset)
    assert sha256 in str(error.value)


def test_half_a_manifest_is_refused(dataset):
    dataset.write_bytes("_manifest.json", b'{"identity": {')
    with pytest.raises(DamagedFile, match="is not a manifest"):
        Manifest.read(dataset)


def test_a_flipped_bit_anywhere_in_a_manifest_is_found(dataset):
    whole = dataset.read_bytes("_manifest.json")
    for place in range(len(whole)):
        for bit in range(8):
            flipped = bytes([*whole[:place], whole[place] ^ 1 << bit, *whole[place + 1 :]])
            with pytest.raises(DamagedFile, match="is not a manifest of schema version 1 to 2"):
                Manifest.parse(flipped, dataset)


def test_a_manifest_from_before_it_had_its_own_sha256_is_read(dataset):
    """The layout of schema version 1, as it was written on 2026-11-29."""
    identity = "d8497d9d82770a70729261095aa98f7ef5154d7af499f8037b6ca250296785a6"  # of {"a": 1, "b": 2}
    facts = '"facts": {\n  "n": 3\n },\n "schema_version": 1,\n'
    body = (
        f'{{\n "identity": {{\n  "b": 2,\n  "a": 1\n }},\n "files": [],\n {facts} "identity_sha256": "{identity}"\n}}\n'
    )
    dataset.write_bytes("_manifest.json", body.encode())
    assert read(dataset) == Manifest({"b": 2, "a": 1}, (), {"n": 3}, schema_version=1)
    read(dataset).write(dataset)
    assert read(dataset).schema_version == 2, "written again, it vouches for itself"


def test_a_manifest_of_a_newer_version_is_refused(dataset):
    body = dataset.read_bytes("_manifest.json").replace(b'"schema_version": 2', b'"schema_version": 3')
    dataset.write_bytes("_manifest.json", body)
    with pytest.raises(DamagedFile, match="its schema version is 3: update Glasshouse"):
        Manifest.read(dataset)


@pytest.mark.parametrize("name", ["../other/part", "/etc/passwd", "inner/part", "..", "", "..\\part", None, 3])
def test_a_manifest_that_names_a_file_elsewhere_is_refused(dataset, name):
    body = json.loads(dataset.read_bytes("_manifest.json"))
    body["files"][0]["name"] = name
    dataset.write_bytes("_manifest.json", json.dumps(body).encode())
    with pytest.raises(DamagedFile, match=r"it names the file .*, wanted one in this folder.*: delete .* materialize"):
        Manifest.read(dataset)


def test_what_a_killed_writer_left_goes_when_its_dataset_is_written(dataset, tmp_path):
    (tmp_path / ".tmp-0123-part").write_bytes(b"half")
    (tmp_path / ".tmp-4567-_manifest.json").write_bytes(b"{")
    for left in tmp_path.glob(".tmp-*"):
        os.utime(left, (0, time.time() - 3700))
    read(dataset).write(dataset)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["_manifest.json", "part"]


def test_what_another_writer_of_the_partition_has_begun_stays(dataset, tmp_path):
    with dataset.writing("part") as begun:
        begun.write_bytes(b"0123456789")
        read(dataset).write(dataset)
    read(dataset).check(dataset)


def test_a_file_that_was_hashed_in_its_place_is_not_hashed_again_until_it_changes(tmp_path, monkeypatch):
    folder, hashed = Folder(str(tmp_path)), []
    folder.write_bytes("part", b"0123456789")
    entry = ManifestFile.written(folder, "part", 1)
    assert entry == ManifestFile.of(tmp_path / "part", "part", 1)
    plain = manifest.sha256_of_file
    monkeypatch.setattr(manifest, "sha256_of_file", lambda path: hashed.append(path) or plain(path))
    with entry.reading(folder) as path:
        assert (path.read_bytes(), hashed) == (b"0123456789", [])
    (tmp_path / "part").write_bytes(b"0123456788")
    with pytest.raises(DamagedFile, match="part has sha256"), entry.reading(folder):
        pass
