"""Readers keep what they opened while another file is published, and neither waits for the other."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from synthetic_codes import N_FEATURES, plant
from synthetic_store import SyntheticStore

from sql.publish import publish
from sql.query_output import answer, rows_of, write
from sql.warehouse import connect

COUNT = "select count(*) from feature_card"


def test_a_reader_in_the_same_process_keeps_its_snapshot_and_the_next_sees_the_new(
    store: SyntheticStore, published_before: Path
):
    with closing(connect(published_before)) as early:
        store.write_sae("demo", "late")
        publish(published_before, store.stored)
        assert early.execute(COUNT).fetchall() == [(N_FEATURES,)]
        assert early.execute("select count(*) from example").fetchall() != [(0,)]
        with closing(connect(published_before)) as late:
            assert late.execute(COUNT).fetchall() == [(2 * N_FEATURES,)]


def test_a_reader_in_another_process_keeps_its_snapshot_and_the_next_sees_the_new(
    store: SyntheticStore, published_before: Path
):
    script = (
        "import duckdb, sys\n"
        "con = duckdb.connect(sys.argv[1], read_only=True)\n"
        "for _ in sys.stdin:\n"
        f"    print(con.execute('{COUNT}').fetchall()[0][0], flush=True)\n"
        "con.close()\n"
    )
    command = [sys.executable, "-c", script, str(published_before)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        question, said = reader.stdin, reader.stdout
        assert question
        assert said
        print(file=question, flush=True)
        assert said.readline() == f"{N_FEATURES}\n"
        store.write_sae("demo", "late")
        publish(published_before, store.stored)
        print(file=question, flush=True)
        assert said.readline() == f"{N_FEATURES}\n"
        question.close()
        assert reader.wait(timeout=30) == 0
    with closing(duckdb.connect(published_before, read_only=True)) as con:
        assert con.execute(COUNT).fetchall() == [(2 * N_FEATURES,)]


def test_somebody_who_holds_the_file_to_write_does_not_stop_a_publication(
    store: SyntheticStore, published_before: Path
):
    with closing(duckdb.connect(published_before)) as shell:
        store.write_sae("demo", "late")
        publish(published_before, store.stored)
        assert shell.execute(COUNT).fetchall() == [(N_FEATURES,)]
    with closing(connect(published_before)) as con:
        assert con.execute(COUNT).fetchall() == [(2 * N_FEATURES,)]


def test_a_file_that_was_renamed_answers_as_before(store: SyntheticStore, published_before: Path):
    moved = published_before.rename(published_before.with_name('it\'s "mine".duckdb'))
    with closing(connect(moved)) as con:
        assert con.execute("select feature_id from find_features('str')").fetchall() == [(2,)]
    with closing(duckdb.connect(moved, read_only=True)) as con:
        assert con.execute("select feature_id from find_features('str')").fetchall() == [(2,)]


def test_a_connection_cannot_write(warehouse: Path):
    with closing(connect(warehouse)) as con, pytest.raises(duckdb.Error, match="read-only"):
        con.execute("delete from feature")


def test_a_missing_file_and_a_foreign_one_are_told_apart(home: Path):
    with pytest.raises(ValueError, match=r"there is no warehouse at .*materialize `published_warehouse`"):
        connect(home / "none.duckdb")
    (home / "text.duckdb").write_text("hello")
    with pytest.raises(ValueError, match="cannot be opened as a Glasshouse warehouse"):
        connect(home / "text.duckdb")


@pytest.mark.parametrize("change", ["moved", "not mounted", "made again"])
def test_codes_that_are_no_longer_where_they_lay_are_a_sentence(
    store: SyntheticStore, published: Path, tmp_path: Path, change: str
):
    publish(published, store.stored)
    tables = Path(store.tables.path)
    kept = published.rename(tmp_path / "kept.duckdb")
    if change == "moved":
        tables.parent.rename(tmp_path / "moved")
    elif change == "not mounted":
        tables.rename(tmp_path / "elsewhere")
    else:
        store.write(
            "feature_activation", {"model_id": "demo", "recipe_id": "mid"}, plant(0), made_from="other", parts=1
        )
        for part in (tables / "feature_activation").rglob("*.parquet"):
            part.rename(part.with_name("part-other.parquet"))
    for form in ("table", "csv"):
        with pytest.raises(ValueError, match=rf"under {tables} when .*kept.duckdb was published .*publish again"):
            write(answer(kept, "select count(*) as n from feature_activation"), form, tmp_path / "out")
    assert rows_of(kept, "select count(*) as n from feature") == [{"n": N_FEATURES}]


def test_a_moved_store_that_is_published_again_has_its_codes(store: SyntheticStore, published: Path, tmp_path: Path):
    publish(published, store.stored)
    published.parent.rename(tmp_path / "moved")
    again = SyntheticStore(str(tmp_path / "moved"))
    publish(tmp_path / "moved" / "warehouse.duckdb", again.stored)
    found = rows_of(tmp_path / "moved" / "warehouse.duckdb", "select count(*) as n from feature_activation")
    assert found == [{"n": len(plant(0))}]
