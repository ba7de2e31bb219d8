"""A partition of a table is what was written last, whole, whoever wrote it."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.store.layout import StoreLayout
from pipelines.store.tables import FileAside, TableStore, replace_partition
from storage.folder import Folder
from storage.manifest import DamagedFile, Manifest, ManifestFile


def rows(*values: int) -> pa.Table:
    return pa.table({"value": pa.array(values, pa.int64())})


@pytest.fixture
def tables(tmp_path):
    return TableStore(StoreLayout(Folder(str(tmp_path))))


@pytest.fixture
def folder(tables):
    return tables.layout.table_at("feature", model_id="m", recipe_id="r")


def test_fewer_files_leave_none_of_the_earlier_ones(tables, folder):
    replace_partition(folder, [rows(1, 2), rows(3), rows(4)], {"version": 1})
    manifest = replace_partition(folder, [rows(5)], {"version": 2}, {"reason": "fewer"})
    assert tables.read_rows(folder) == [{"value": 5}]
    assert (manifest.rows, manifest.facts) == (1, {"reason": "fewer"})
    assert len(folder.names()) == 2, "one file and the manifest"


def test_rows_files_elsewhere_and_files_in_place_are_parts_alike(tables, folder, tmp_path):
    elsewhere = tmp_path / "aside.parquet"
    pq.write_table(rows(2, 3), elsewhere)
    with folder.writing("codes.parquet") as path:
        pq.write_table(rows(4), path)
        in_place = ManifestFile.of(path, "codes.parquet", 1)
    aside = FileAside.of(elsewhere, 2)
    manifest = replace_partition(folder, [rows(1), aside, in_place], {"version": 1})
    assert [file.rows for file in manifest.files] == [1, 2, 1]
    assert manifest.files[1].sha256 == aside.entry.sha256
    assert [row["value"] for row in tables.read_rows(folder)] == [1, 2, 3, 4]


def test_a_copy_that_is_not_what_lies_elsewhere_is_found(tables, folder, tmp_path):
    elsewhere = tmp_path / "aside.parquet"
    pq.write_table(rows(2, 3), elsewhere)
    aside = FileAside.of(elsewhere, 2)
    pq.write_table(rows(2, 4), elsewhere)
    replace_partition(folder, [aside], {"version": 1})
    with pytest.raises(DamagedFile, match="was written: delete"):
        tables.read_rows(folder)


def test_a_write_that_dies_leaves_the_earlier_partition_readable(tables, folder):
    tables.write(folder, rows(1, 2), {"version": 1})

    def dying():
        yield rows(7)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        replace_partition(folder, dying(), {"version": 2})
    manifest = Manifest.find_current(folder, {"version": 1})
    assert manifest is not None
    manifest.check(folder)
    assert [row["value"] for row in tables.read_rows(folder)] == [1, 2]


def test_the_same_identity_is_not_written_twice(tables, folder):
    first = tables.write(folder, rows(1), {"version": 1})
    assert tables.write(folder, rows(9), {"version": 1}) == first
    assert tables.read_rows(folder) == [{"value": 1}]


def test_tables_of_a_stage_are_all_there_before_the_first_manifest(tables, monkeypatch):
    folders = {name: tables.layout.table_at(name, model_id="m", recipe_id="r") for name in ("feature", "example")}
    seen = []
    monkeypatch.setattr(Manifest, "write", lambda manifest, folder: seen.append([f.names() for f in folders.values()]))
    tables.write_together(folders, {"feature": rows(1), "example": rows(2)}, {"version": 1})
    assert [len(names) for names in seen[0]] == [1, 1], "a file in each"


def test_a_stage_that_was_stopped_between_manifests_writes_the_others(tables, monkeypatch):
    folders = {name: tables.layout.table_at(name, model_id="m", recipe_id="r") for name in ("feature", "example")}
    made = {"feature": rows(1), "example": rows(2)}
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "write_bytes", stopped_after_one(Folder.write_bytes))
        with pytest.raises(OSError, match="stopped"):
            tables.write_together(folders, made, {"version": 1})
    first = Manifest.read(folders["feature"])
    assert first is not None
    assert (first.together, Manifest.read(folders["example"])) == (("example", "feature"), None)
    tables.write_together(folders, made, {"version": 1})
    assert [tables.read_rows(folder) for folder in folders.values()] == [[{"value": 1}], [{"value": 2}]]
    second = Manifest.read(folders["example"])
    assert second is not None
    assert second.together == first.together


def stopped_after_one(write):
    done = []

    def once(folder, name, data):
        if done:
            raise OSError("stopped")
        done.append(name)
        write(folder, name, data)

    return once


def test_a_partition_that_was_never_written_has_no_rows(tables, folder):
    assert tables.read_rows(folder) == []


def test_the_keys_of_partitions_are_read_from_their_folders(tables):
    for keys in ({"model_id": "m", "recipe_id": "r=2"}, {"model_id": "m", "recipe_id": "s"}):
        tables.write(tables.layout.table_at("sae", **keys), rows(1), {})
    tables.write(tables.layout.table_at("model", model_id="n"), rows(1), {})
    assert tables.layout.partitions("sae") == [
        {"model_id": "m", "recipe_id": "r=2"},
        {"model_id": "m", "recipe_id": "s"},
    ]
    assert tables.layout.partitions("model") == [{"model_id": "n"}]
    assert tables.layout.partitions("nothing") == []
