"""A store that is not there is no empty one, and a publication that would drop most of what is published is refused."""

import shutil
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from synthetic_codes import N_FEATURES
from synthetic_store import SyntheticStore

from sql.dropped_partitions import AllowedDrops, MostWouldBeDropped
from sql.publish import publish
from sql.stored_partitions import StoredTables
from sql.warehouse import connect
from storage.folder import AbsentFolder, Folder


def published_features(published: Path) -> int:
    with closing(connect(published)) as con:
        return con.execute("select count(*) from feature").fetchall()[0][0]


def absent(tmp_path: Path, kind: str) -> Folder:
    home = tmp_path / "elsewhere"
    if kind == "empty home":
        home.mkdir()
    if kind == "link":
        home.symlink_to(tmp_path / "not_mounted")
    if kind == "file":
        home.write_text("not a folder")
    return Folder(str(home)) / "tables"


@pytest.mark.parametrize("kind", ["no home", "empty home", "link", "file"])
@pytest.mark.parametrize("allowed", [AllowedDrops(), AllowedDrops(everything=True)])
def test_an_absent_store_is_refused_and_what_is_published_stays(
    store: SyntheticStore, published_before: Path, tmp_path: Path, kind: str, allowed: AllowedDrops
):
    before, elsewhere = published_before.read_bytes(), StoredTables(absent(tmp_path, kind))
    with pytest.raises(AbsentFolder, match=r"elsewhere/tables is not there .*: nothing is published\. Correct GLASS"):
        publish(published_before, elsewhere, allowed=allowed)
    assert published_before.read_bytes() == before


def test_a_missing_bucket_and_a_missing_prefix_are_told_apart(store: SyntheticStore, published_before: Path, s3: str):
    for home, why in (("s3://no-such-bucket/home", "there is no bucket 'no-such-bucket'"), (s3, "nothing lies under")):
        with pytest.raises(AbsentFolder, match=why):
            publish(published_before, StoredTables(Folder(home) / "tables"))
    assert published_features(published_before) == N_FEATURES


def test_nothing_is_made_for_a_store_that_is_not_there(tmp_path: Path):
    """The published file lies in the home by default: looking for the store does not make it."""
    with pytest.raises(AbsentFolder):
        publish(tmp_path / "home" / "warehouse.duckdb", StoredTables(Folder(str(tmp_path / "home")) / "tables"))
    assert not (tmp_path / "home").exists()


def lose(store: SyntheticStore, *tables: str) -> None:
    for table in tables:
        shutil.rmtree(Path(store.tables.path) / table)


def test_most_of_what_is_published_goes_only_if_that_is_said(store: SyntheticStore, published: Path):
    counted = len(publish(published, store.stored).replaced)
    before = published.read_bytes()
    names = sorted({path.name for path in Path(store.tables.path).iterdir()} - {"feature_activation", "sae"})
    lost = names[: counted // 2 + 1]
    lose(store, *lost)
    n_lost = counted - len(StoredTables(store.tables).partitions(set(names) | {"sae"})[0])
    assert n_lost > counted / 2
    with pytest.raises(
        MostWouldBeDropped, match=rf"{n_lost} of {counted} published partitions are not in .*allow-drop"
    ):
        publish(published, store.stored)
    assert published.read_bytes() == before
    done = publish(published, store.stored, allowed=AllowedDrops(everything=True))
    assert len(done.dropped) == n_lost


def test_half_may_go(store: SyntheticStore, published: Path):
    store.write_sae("demo", "late")
    publish(published, store.stored)
    for table in Path(store.tables.path).iterdir():
        shutil.rmtree(table / "model_id=demo" / "recipe_id=late", ignore_errors=True)
    assert publish(published, store.stored).dropped


def test_what_was_removed_is_not_counted_and_the_rest_is(store: SyntheticStore, published: Path):
    store.write_sae("demo", "late")
    publish(published, store.stored)
    with closing(duckdb.connect(published, read_only=True)) as con:
        places = {
            (table, name) for table, name in con.execute("select table_name, partition from _partition").fetchall()
        }
    removed = frozenset(place for place in places if "recipe_id" in place[1])
    for table in Path(store.tables.path).iterdir():
        for recipe in ("mid", "late"):
            shutil.rmtree(table / "model_id=demo" / f"recipe_id={recipe}", ignore_errors=True)
    with pytest.raises(MostWouldBeDropped):
        publish(published, store.stored)
    assert len(publish(published, store.stored, allowed=AllowedDrops(removed=removed)).dropped) == len(removed)
    store.write_sae("demo", "late")
    publish(published, store.stored)
    lose(store, *{table for table, _ in places})
    of_late = frozenset(place for place in removed if "late" in place[1])
    with pytest.raises(MostWouldBeDropped, match=r"of \d+ published partitions"):
        publish(published, store.stored, allowed=AllowedDrops(removed=of_late))


def test_a_file_of_another_schema_is_no_way_around_it(store: SyntheticStore, published_before: Path):
    with closing(duckdb.connect(published_before)) as con:
        con.execute("update _publication set schema_sha256 = 'older'")
    before = published_before.read_bytes()
    lose(store, *[path.name for path in Path(store.tables.path).iterdir() if path.name not in ("sae", "feature")])
    with pytest.raises(MostWouldBeDropped):
        publish(published_before, store.stored)
    assert published_before.read_bytes() == before


def test_a_store_of_links_is_published_as_it_is(store: SyntheticStore, published: Path, tmp_path: Path):
    moved = tmp_path / "other_disk"
    (Path(store.tables.path) / "feature").rename(moved)
    (Path(store.tables.path) / "feature").symlink_to(moved)
    assert publish(published, store.stored).rows["feature"] == N_FEATURES
