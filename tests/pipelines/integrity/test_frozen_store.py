"""A store as version 0.1 of November 2026 wrote it: what comes later reads it, or migrates it.

`frozen_store.tar.xz` is `made_small_house` of that day without its activations. It is never made anew: where a change
makes one of these tests fail, the change lacks a migration (`pipelines/integrity/migrations`), or a column that may be
null.
"""

import json
import shutil
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from command_line import glasshouse

from pipelines.integrity.folder_check import FolderManifest, folder_findings
from pipelines.integrity.migration import migrate_store, migrations
from pipelines.integrity.stored_folders import stored_folders
from pipelines.store.layout import StoreLayout
from pipelines.store.open_store import RankStore
from pipelines.store.store_version import FILE, LAYOUT, UnknownLayout, require_known_layout, store_layout, write_layout
from pipelines.store.stored_dictionary import stored_dictionary
from sql.publish import publish
from sql.stored_partitions import StoredTables
from sql.warehouse import connect
from storage.folder import Folder
from storage.manifest import NAME as MANIFEST
from storage.manifest import Manifest
from storage.store_lock import StoreInUse, shared_use

FROZEN = Path(__file__).with_name("frozen_store.tar.xz")
ROWS = {
    "sae": 1,
    "feature": 64,
    "activation_histogram": 640,
    "explanation": 64,
}
"""Of some tables, as they were that day."""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("frozen") / "data"
    with tarfile.open(FROZEN) as archive:
        archive.extractall(root, filter="data")
    return root


@pytest.fixture
def layout(unpacked: Path, tmp_path: Path) -> StoreLayout:
    shutil.copytree(unpacked, tmp_path / "data")
    return StoreLayout(Folder(str(tmp_path / "data")))


def as_before_seals(layout: StoreLayout) -> dict[str, bytes]:
    """Takes the sha256 of their own out of all manifests, as they were written until schema version 2."""
    sealed = {}
    for stored in stored_folders(layout):
        sealed[stored.place] = stored.folder.read_bytes(MANIFEST)
        body = json.loads(sealed[stored.place])
        del body["manifest_sha256"]
        old = json.dumps(body | {"schema_version": 1}, indent=1)
        Path(stored.folder.path, MANIFEST).write_text(old)
    assert len(sealed) > 20
    return sealed


def test_it_is_whole_and_published_with_every_row(layout: StoreLayout, tmp_path: Path):
    faults = [fault for each in stored_folders(layout) for fault in folder_findings(FolderManifest.of(each))]
    assert faults == []
    done = publish(tmp_path / "warehouse.duckdb", StoredTables(layout.tables()))
    assert done.left_out == ()
    assert {table: done.rows[table] for table in ROWS} == ROWS
    with closing(connect(tmp_path / "warehouse.duckdb")) as con:
        cards = con.execute("select count(*), count(label), min(density) >= 0 from feature_card").fetchall()
    assert cards == [(64, 64, True)]
    assert stored_dictionary(layout.sae_at("first", "small")).n_features == 64


def test_migrations_lead_from_the_first_layout_to_the_newest_without_a_gap():
    assert sorted(migrations()) == list(range(2, LAYOUT + 1))


def test_a_store_of_the_first_layout_becomes_byte_for_byte_one_of_the_second(layout: StoreLayout):
    sealed = as_before_seals(layout)
    assert store_layout(layout.root) == 1
    said: list[str] = []
    assert migrate_store(layout, said.append) == LAYOUT
    assert {place: (layout.root / place).read_bytes(MANIFEST) for place in sealed} == sealed
    assert len(said) == len(sealed)
    assert store_layout(layout.root) == LAYOUT
    assert migrate_store(layout, said.append) == LAYOUT
    assert len(said) == len(sealed), "the second time there is nothing to do"


def test_what_is_damaged_is_named_and_left_alone_and_the_rest_goes_on(layout: StoreLayout):
    sealed = as_before_seals(layout)
    place = next(each for each in sealed if each.startswith("tables/feature/"))
    [file] = Path((layout.root / place).path).glob("*.parquet")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    said: list[str] = []
    assert migrate_store(layout, said.append) == 1
    [fault] = [line for line in said if line.startswith("not sealed")]
    assert place in fault
    manifest = Manifest.read(layout.root / place)
    assert manifest is not None
    assert (manifest.schema_version, store_layout(layout.root)) == (1, 1)
    file.write_bytes(whole)
    assert migrate_store(layout, said.append) == LAYOUT
    assert {each: (layout.root / each).read_bytes(MANIFEST) for each in sealed} == sealed


def test_a_migration_that_is_cut_short_goes_on(layout: StoreLayout):
    sealed = as_before_seals(layout)

    def stop(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate_store(layout, stop)
    assert store_layout(layout.root) == 1
    assert migrate_store(layout, lambda line: None) == LAYOUT
    assert {place: (layout.root / place).read_bytes(MANIFEST) for place in sealed} == sealed


def test_a_store_that_is_at_work_is_not_migrated(layout: StoreLayout):
    with shared_use(layout.root.url), pytest.raises(StoreInUse):
        migrate_store(layout, lambda line: None)


def test_a_newer_store_is_refused_before_anything_is_read_or_written(layout: StoreLayout, tmp_path: Path):
    write_layout(layout.root, LAYOUT + 1)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")}
    store = RankStore(str(tmp_path / "data"), str(tmp_path / "registry"))
    for work in (lambda: store.registration("first/small"), lambda: store.experiment("first/asked")):
        with pytest.raises(UnknownLayout, match=rf"of layout {LAYOUT + 1}, .* reads up to {LAYOUT}: update Glasshouse"):
            work()
    (tmp_path / "registry" / "models").mkdir(parents=True)
    places = {"GLASSHOUSE_HOME": str(tmp_path / "data"), "GLASSHOUSE_REGISTRY": str(tmp_path / "registry")}
    for command in ("verify", "migrate"):
        ended = glasshouse(command, GLASSHOUSE_WAREHOUSE=str(tmp_path / "w.duckdb"), **places)
        assert (ended.returncode, "update Glasshouse" in ended.stderr) == (1, True), ended
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")} == before


@pytest.mark.parametrize("said", ["", "{}", '{"layout": "2"}', '{"layout": 0}', "[1]", '{"layout": true}'])
def test_a_file_that_says_no_layout_is_no_first_layout(layout: StoreLayout, said: str):
    layout.root.write_bytes(FILE, said.encode())
    with pytest.raises(UnknownLayout, match="does not say which layout"):
        require_known_layout(layout.root)
