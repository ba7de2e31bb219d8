"""Publishing: only what changed is loaded, the old file stays until the new one is whole, and twice is once."""

import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from synthetic_store import N_FEATURES, SyntheticStore, plant

from sql.catalog import table_names
from sql.dropped_partitions import MostWouldBeDropped
from sql.empty_warehouse import empty_warehouse
from sql.publish import Published, publish
from sql.sql_files import SQLFile, sql_files
from sql.warehouse import connect
from storage.folder import Folder
from storage.manifest import Manifest
from tests.support.table_hashes import table_hashes

MID = {"model_id": "demo", "recipe_id": "mid"}


def hashes(published: Path) -> dict[str, str]:
    with closing(connect(published)) as con:
        return table_hashes(con)


def features(published: Path) -> dict[str, int]:
    with closing(connect(published)) as con:
        return dict(con.execute("select sae_id, count(*) from feature_card group by all").fetchall())


def beside(published: Path) -> set[str]:
    """What lies beside a published file but its lock and its sha256."""
    own = {published.name, f".{published.name}.lock", f".{published.name}.sha256"}
    return {path.name for path in published.parent.iterdir()} - {"tables", *own}


def test_every_partition_is_loaded_once(store: SyntheticStore, published: Path):
    first = publish(published, store.stored)
    again = publish(published, store.stored)
    assert first.rows["feature"] == N_FEATURES
    assert "feature/model_id=demo/recipe_id=mid" in first.replaced
    assert (again.replaced, again.dropped, again.rows) == ((), (), first.rows)
    assert beside(published) == set()


def test_publishing_twice_changes_no_content(store: SyntheticStore, published: Path):
    publish(published, store.stored)
    first = hashes(published)
    publish(published, store.stored)
    assert hashes(published) == first


def test_a_file_brought_up_to_date_equals_one_built_from_nothing(store: SyntheticStore, published: Path):
    publish(published, store.stored)
    store.write_sae("demo", "mid", seed=3)
    store.write_sae("demo", "late", labels=False)
    publish(published, store.stored)
    publish(published.with_name("fresh.duckdb"), store.stored)
    assert hashes(published) == hashes(published.with_name("fresh.duckdb"))


def test_a_feature_is_found_by_the_index_as_by_a_scan_after_its_rows_were_replaced(
    store: SyntheticStore, published: Path
):
    for labels in ("first", "second"):
        rows = [
            {"explanation_id": f"e{f}", "feature_id": f, "explainer": "a", "label": f"{labels} {f}", "status": "ok"}
            | {"n_examples": 1}
            for f in range(N_FEATURES)
        ]
        store.write("explanation", MID, rows)
        publish(published, store.stored)
    with closing(connect(published)) as con:
        assert con.execute("select table_name, expressions from duckdb_indexes()").fetchall() == [
            ("_feature_summary", "[feature_id]")
        ]
        kept = con.execute("select distinct compression from pragma_storage_info('_feature_summary') "
                           "where column_name = 'top_tokens' and segment_type = 'VARCHAR'").fetchall()  # fmt: skip
        assert kept == [("Uncompressed",)], "a row here and there would cost the dictionary of its whole block"
        for feature in range(N_FEATURES):
            by_index, by_scan = (
                con.execute(f"select label, top_tokens from _feature_summary where {place} = $1", [feature]).fetchall()
                for place in ("feature_id", "feature_id + 0")
            )
            assert by_index == by_scan
            assert [label for label, _ in by_index] == [f"second {feature}"]


def test_only_partitions_that_changed_are_replaced(store: SyntheticStore, published: Path):
    store.write_sae("demo", "late")
    publish(published, store.stored)
    before = hashes(published)
    store.write(
        "sae_metric", MID, [{"split": "held_out", "metric": "l0", "value": 9.0, "unit": "features", "n_tokens": 1}]
    )
    done = publish(published, store.stored)
    after = hashes(published)
    assert done.replaced == ("sae_metric/model_id=demo/recipe_id=mid",)
    assert {table for table in before if before[table] != after[table]} == {"sae_metric"}


def test_another_file_under_the_same_identity_is_loaded_too(store: SyntheticStore, published_before: Path):
    rows = [{"feature_id": f, "logit_skew": 1.0, "logit_kurtosis": 1.0} for f in range(N_FEATURES)]
    store.write("logit_shape", MID, rows)
    publish(published_before, store.stored)
    with closing(connect(published_before)) as con:
        assert con.execute("select distinct logit_skew from feature").fetchall() == [(1.0,)]


def test_a_partition_that_left_the_store_leaves_the_warehouse(store: SyntheticStore, published: Path):
    store.write_sae("demo", "late")
    publish(published, store.stored)
    for table in ("sae", "feature", "logit_shape", "explanation", "example"):
        store.folder(table, model_id="demo", recipe_id="late").remove()
    done = publish(published, store.stored)
    assert features(published) == {"demo/mid": N_FEATURES}
    assert "feature/model_id=demo/recipe_id=late" in done.dropped
    with closing(connect(published)) as con:
        assert con.execute("select count(*) from find_features('str') where recipe_id = 'late'").fetchall() == [(0,)]


def test_the_shape_of_logit_effects_goes_when_its_partition_does(store: SyntheticStore, published_before: Path):
    store.folder("logit_shape", **MID).remove()
    publish(published_before, store.stored)
    with closing(connect(published_before)) as con:
        assert con.execute("select distinct logit_skew, logit_kurtosis from feature").fetchall() == [(None, None)]


def test_an_empty_store_makes_an_empty_warehouse(home: Path, published: Path):
    (home / "tables").mkdir()
    done = publish(published, SyntheticStore(str(home)).stored)
    assert set(done.rows.values()) == {0}
    assert features(published) == {}


def test_codes_that_are_being_written_are_not_read(store: SyntheticStore, published: Path):
    folder = Path(store.folder("feature_activation", **MID).path)
    (folder / ".tmp-1234-part-00000.parquet").write_bytes(b"half a file")
    publish(published, store.stored)
    with closing(connect(published)) as con:
        assert con.execute("select count(*) from feature_activation").fetchall() == [(len(plant(0)),)]


def test_registrations_are_replaced_whole_and_say_what_is_stale(store: SyntheticStore, published: Path):
    publish(published, store.stored, registry={"registry_entry": [("demo", "gone", "a")]})
    publish(
        published,
        store.stored,
        registry={"registry_entry": [("demo", "mid", "4" * 64), ("demo", "new", "b"), ("other", "mid", "c")]},
    )
    with closing(connect(published)) as con:
        stale = con.execute("select sae_id, reason from stale order by sae_id").fetchall()
    assert stale == [("demo/new", "never made"), ("other/mid", "never made")]
    publish(published, store.stored, registry={"registry_entry": [("demo", "mid", "5" * 64)]})
    with closing(connect(published)) as con:
        assert con.execute("select sae_id, reason from stale").fetchall() == [("demo/mid", "made from other cards")]


def test_a_partition_of_other_columns_is_left_out_and_the_others_are_published(
    store: SyntheticStore, published_before: Path
):
    """Of an older version, say: what was published of it goes, and the file says why."""
    asked = {"registry_entry": [("demo", "mid", "4" * 64)]}
    store.write_sae("demo", "late", seed=3)
    store.write("feature", MID, [{"feature_id": 0}], made_from="another", as_given=True)
    store.write("sae_metric", MID, [], made_from="another")
    done = publish(published_before, store.stored, registry=asked)
    [left] = done.left_out
    assert (left.table, left.partition) == ("feature", "model_id=demo/recipe_id=mid")
    assert "missing: n_firings, n_tokens, density, is_dead" in left.found
    assert "sae_metric/model_id=demo/recipe_id=mid" in done.replaced
    assert "feature/model_id=demo/recipe_id=mid" in done.dropped
    assert features(published_before) == {"demo/late": N_FEATURES}
    with closing(connect(published_before)) as con:
        assert con.execute("select sae_id, reason from stale").fetchall() == [
            ("demo/mid", "left out of the file: feature")
        ]
    store.write_sae("demo", "mid")
    assert publish(published_before, store.stored, registry=asked).left_out == ()
    assert features(published_before) == {"demo/late": N_FEATURES, "demo/mid": N_FEATURES}
    with closing(connect(published_before)) as con:
        assert con.execute("from stale").fetchall() == con.execute("from left_out_partition").fetchall() == []


def test_two_partitions_with_impossible_rows_are_both_left_out(store: SyntheticStore, published_before: Path):
    """The first ends DuckDB's transaction."""
    shape = {"feature_id": 0, "logit_skew": float("nan"), "logit_kurtosis": 3.0}
    step = {"step": 0, "tokens": -1, "loss": 1.0, "fvu": 0.5, "l0": 4.0, "dead_fraction": 0.0, "learning_rate": 1e-3}
    store.write("logit_shape", MID, [shape], made_from="another")
    store.write("sae_training", MID, [step], made_from="another")
    done = publish(published_before, store.stored)
    assert sorted(left.table for left in done.left_out) == ["logit_shape", "sae_training"]
    assert done.rows["feature"] == N_FEATURES


def test_what_is_published_stays_where_nothing_says_that_it_changed(store: SyntheticStore, published_before: Path):
    (Path(store.folder("feature", **MID).path) / "_manifest.json").write_text("{")
    done = publish(published_before, store.stored)
    assert ([left.table for left in done.left_out], done.dropped) == (["feature"], ())
    assert features(published_before)["demo/mid"] == N_FEATURES


def test_a_publication_that_can_read_little_is_refused(store: SyntheticStore, published_before: Path):
    before = published_before.read_bytes()
    for path in Path(store.tables.path).rglob("_manifest.json"):
        folder = Folder(str(path.parent))
        manifest = Manifest.read(folder)
        assert manifest is not None
        Manifest({"made_from": "another"}, manifest.files).write(folder)
        for entry in manifest.files:
            (path.parent / entry.name).write_bytes(b"lost")
    with pytest.raises(MostWouldBeDropped, match="or cannot be read there"):
        publish(published_before, store.stored)
    assert published_before.read_bytes() == before
    assert beside(published_before) == set()


def test_what_a_killed_publisher_left_is_removed(store: SyntheticStore, published: Path):
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from synthetic_store import SyntheticStore\n"
        "from sql.publish import publish\n"
        "home = sys.argv[1]\n"
        "def die(message):\n"
        "    if 'logit_effect' in message: os.kill(os.getpid(), signal.SIGKILL)\n"
        "publish(Path(home) / 'warehouse.duckdb', SyntheticStore(home).stored, progress=die)\n"
    )
    killed = _python(script, str(published.parent))
    assert killed.returncode == -signal.SIGKILL
    assert beside(published) == {".warehouse.duckdb.building"}
    publish(published, store.stored)
    assert beside(published) == set()
    assert features(published) == {"demo/mid": N_FEATURES}


def test_a_full_disk_leaves_the_old_file_and_says_so(store: SyntheticStore, published_before: Path):
    before = published_before.read_bytes()
    store.write_sae("demo", "late")
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from synthetic_store import SyntheticStore\n"
        "from sql.publish import publish\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))\n"
        "publish(Path(sys.argv[1]) / 'warehouse.duckdb', SyntheticStore(sys.argv[1]).stored)\n"
    )
    for room in (len(before) // 2, len(before) + 100_000):
        failed = _python(script, str(published_before.parent), str(room))
        assert failed.returncode == 1
        assert "was not published" in failed.stderr, failed.stderr
        assert "has room for a second copy of the file" in failed.stderr
        assert published_before.read_bytes() == before
        assert beside(published_before) == set()


def test_a_folder_that_cannot_be_made_is_named(store: SyntheticStore, published: Path):
    (published.parent / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"file/warehouse\.duckdb was not published"):
        publish(published.parent / "file" / "warehouse.duckdb", store.stored)


@pytest.mark.parametrize("content", [b"not a database", b""])
def test_somebody_elses_file_is_not_overwritten(store: SyntheticStore, published: Path, content: bytes):
    published.write_bytes(content)
    with pytest.raises(ValueError, match="move it away"):
        publish(published, store.stored)
    assert published.read_bytes() == content


def test_somebody_elses_database_is_not_overwritten(store: SyntheticStore, published: Path):
    with closing(duckdb.connect(published)) as con:
        con.execute("create table mine as select 42 as answer")
    with pytest.raises(ValueError, match="not a Glasshouse warehouse"):
        publish(published, store.stored)
    with closing(duckdb.connect(published, read_only=True)) as con:
        assert con.execute("from mine").fetchall() == [(42,)]


def test_a_file_of_another_schema_is_rebuilt_from_the_store(store: SyntheticStore, published_before: Path):
    with closing(duckdb.connect(published_before)) as con:
        con.execute("update _publication set schema_sha256 = 'older'; drop view stale; drop table neighbor")
    done = publish(published_before, store.stored)
    assert "neighbor/model_id=demo/recipe_id=mid" in done.replaced
    assert done.rows["neighbor"] == 2 * N_FEATURES


def test_a_process_that_outlives_its_schema_makes_no_file_of_the_older_one(tmp_path: Path, monkeypatch):
    """The file would say that it is of the new one, and never be made anew."""
    empty_warehouse()
    added = SQLFile("invented", "One.", "create table invented (a integer)")
    monkeypatch.setattr("sql.warehouse.sql_files", lambda folder: [*sql_files(folder), added])
    (tmp_path / "empty.duckdb").write_bytes(empty_warehouse())
    with closing(duckdb.connect(tmp_path / "empty.duckdb", read_only=True)) as con:
        assert "invented" in table_names(con)


def test_views_of_an_older_version_are_dropped(store: SyntheticStore, published_before: Path):
    with closing(duckdb.connect(published_before)) as con:
        con.execute("create view retired as select 1; create macro forgotten(x) as table select x")
        con.execute("update _publication set views_sha256 = 'older'")
    publish(published_before, store.stored)
    with closing(connect(published_before)) as con:
        assert ("retired",) not in con.execute("select view_name from duckdb_views()").fetchall()
        assert ("forgotten",) not in con.execute("select function_name from duckdb_functions()").fetchall()


def test_publishers_of_one_file_take_turns(store: SyntheticStore, published: Path):
    done: list[Published] = []
    threads = [threading.Thread(target=lambda: done.append(publish(published, store.stored))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(each.replaced) > 0 for each in done) == [False, False, True]


def test_the_file_is_of_the_format_that_older_duckdb_opens_too(store: SyntheticStore, published: Path):
    publish(published, store.stored)
    publish(published, store.stored)
    with closing(connect(published)) as con:
        tags = dict(con.execute("select database_name, tags['storage_version'] from duckdb_databases()").fetchall())
    assert tags["warehouse"].startswith("v1.5"), tags


def _python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *arguments]
    root = Path(__file__).parents[2]
    environment = {"PYTHONPATH": f"{root}:{root / 'tests' / 'support'}", "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_view_of_codes_reads_the_files_that_manifests_name(store: SyntheticStore, published: Path):
    """A dictionary made again over fewer shards: what the earlier one left is neither kept nor read."""

    def n_codes() -> int:
        with closing(connect(published)) as con:
            return con.execute("select count(*) from feature_activation where recipe_id = 'mid'").fetchall()[0][0]

    rows = plant(0)
    store.write("feature_activation", MID, rows, parts=4)
    publish(published, store.stored)
    assert n_codes() == len(rows)
    folder = store.write("feature_activation", MID, rows[:10], made_from="second", parts=2)
    assert folder.names() == ["_manifest.json", "part-00000.parquet", "part-00001.parquet"]
    folder.write_bytes("part-00002.parquet", folder.read_bytes("part-00000.parquet"))
    publish(published, store.stored)
    assert n_codes() == 10
