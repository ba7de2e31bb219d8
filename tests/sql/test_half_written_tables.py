"""Tables that one stage writes at once are published as they are of one moment: all of them, or none anew."""

import shutil
import threading
from contextlib import closing
from pathlib import Path

import pytest
from published_store import TORN, warehouse, write_first
from synthetic_codes import N_FEATURES
from synthetic_store import SyntheticStore

from sql import stored_partitions
from sql.publish import Published, publish
from sql.warehouse import connect
from storage.folder import Folder

MID = {"model_id": "demo", "recipe_id": "mid"}


@pytest.fixture
def root(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with its publication; nobody who writes is waited for."""
    monkeypatch.setattr(stored_partitions, "PATIENCE_S", 0.0)
    write_first(home)
    return home


def place(root: Path, table: str) -> Path:
    """Of a table's partition of the dictionary `mid`."""
    return Path(SyntheticStore(str(root)).folder(table, **MID).path)


def rewritten(root: Path, seed: int, but: str) -> Path:
    """The statistics of another seed, but for one table of them: where its new partition waits."""
    old = place(root, but).rename(root / "old")
    SyntheticStore(str(root)).write_sae("demo", "mid", seed=seed, labels=False, codes=False, together=True)
    new = place(root, but).rename(root / "new")
    old.rename(place(root, but))
    return new


def published(root: Path) -> Published:
    return publish(warehouse(root), SyntheticStore(str(root)).stored)


def found(root: Path) -> tuple[int, int]:
    """Firings of `mid` as they are published, and features whose histograms say another number."""
    with closing(connect(warehouse(root))) as con:
        [(firings,)] = con.execute("select sum(n_firings)::bigint from feature where recipe_id = 'mid'").fetchall()
        [(torn,)] = con.execute(TORN).fetchall()
    return firings, torn


@pytest.mark.parametrize("late", ["feature", "activation_histogram", "example"])
def test_what_is_half_written_stays_as_it_was_published_and_is_said(root: Path, late: str):
    before, _ = found(root)
    new = rewritten(root, 3, late)
    done = published(root)
    assert found(root) == (before, 0)
    assert [left.table for left in done.left_out] == ["activation_histogram", "example", "feature"]
    assert all("of another moment than what is written with it" in left.found for left in done.left_out)
    assert not {"feature", "activation_histogram", "example"} & {each.partition("/")[0] for each in done.replaced}

    place(root, late).rename(root / "old")
    new.rename(place(root, late))
    assert published(root).left_out == ()
    now, torn = found(root)
    assert (now != before, torn) == (True, 0)


def test_of_a_dictionary_that_arrives_nothing_of_half_written_tables_is_taken_in(root: Path):
    store = SyntheticStore(str(root))
    store.write_sae("demo", "new", labels=False, codes=False, together=True)
    absent = store.folder("activation_histogram", model_id="demo", recipe_id="new")
    waits = Path(absent.path).rename(root / "waits")
    done = published(root)
    assert [left.table for left in done.left_out] == ["example", "feature"]
    with closing(connect(warehouse(root))) as con:
        assert con.execute("select count(*) from feature where recipe_id = 'new'").fetchall() == [(0,)]
        assert con.execute("select count(*) from sae where recipe_id = 'new'").fetchall() == [(1,)]
    waits.rename(absent.path)
    assert published(root).left_out == ()
    with closing(connect(warehouse(root))) as con:
        assert con.execute("select count(*) from feature where recipe_id = 'new'").fetchall() == [(N_FEATURES,)]


def test_whoever_is_writing_is_waited_for(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stored_partitions, "PATIENCE_S", 60.0)
    new = rewritten(root, 3, "feature")
    manifest = (new / "_manifest.json").read_bytes()

    def written() -> None:
        for file in new.glob("*.parquet"):
            file.rename(place(root, "feature") / file.name)
        Folder(str(place(root, "feature"))).write_bytes("_manifest.json", manifest)

    before, _ = found(root)
    writer = threading.Timer(0.3, written)
    writer.start()
    assert published(root).left_out == ()
    writer.join()
    now, torn = found(root)
    assert (now != before, torn) == (True, 0)


TWO, THREE = ("feature_family", "feature_parent"), ("feature_family", "feature_map", "feature_parent")
FAMILY = {"model_id": "demo", "recipe_id": "late"}


def write_empty(root: Path, version: str, tables: tuple[str, ...], together: tuple[str, ...]) -> None:
    for table in tables:
        SyntheticStore(str(root)).write(table, FAMILY, [], made_from=version, together=together)


def left_out(root: Path) -> list[str]:
    return [left.table for left in published(root).left_out]


def test_a_table_that_a_stage_writes_no_more_holds_up_nobody(root: Path):
    write_empty(root, "one", THREE, THREE)
    assert left_out(root) == []
    write_empty(root, "two", TWO[:1], TWO)
    assert left_out(root) == list(THREE), "of the new two one is there"
    write_empty(root, "two", TWO, TWO)
    assert left_out(root) == []


def test_a_table_more_is_waited_for(root: Path):
    write_empty(root, "one", TWO, TWO)
    write_empty(root, "two", THREE[:2], THREE)
    assert left_out(root) == list(THREE)
    write_empty(root, "two", THREE, THREE)
    assert left_out(root) == []


def test_of_a_store_without_groups_nothing_is_taken_in_while_a_stage_writes_its_first(root: Path):
    write_empty(root, "one", THREE, ())
    assert left_out(root) == []
    write_empty(root, "two", THREE[:1], THREE)
    assert left_out(root) == ["feature_family"]
    write_empty(root, "two", THREE, THREE)
    assert left_out(root) == []


def test_the_first_of_several_tables_is_not_taken_in_alone(root: Path):
    write_empty(root, "one", THREE[:1], THREE)
    for table in THREE[1:]:
        shutil.rmtree(SyntheticStore(str(root)).folder(table, **FAMILY).path)
    assert left_out(root) == ["feature_family"]


def test_a_table_more_of_a_store_without_groups_belongs_to_those_of_its_moment(root: Path):
    write_empty(root, "one", TWO, ())
    write_empty(root, "one", ("feature_map",), THREE)
    assert left_out(root) == []
