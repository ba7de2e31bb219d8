"""Publishing: only what changed is loaded, the old file stays until the new one is whole, and twice is once."""

import threading
from contextlib import closing
from pathlib import Path

import pytest
from published_places import beside, features
from synthetic_codes import N_FEATURES, plant
from synthetic_store import SyntheticStore

from sql.dropped_partitions import MostWouldBeDropped
from sql.publish import Published, publish
from sql.warehouse import connect
from storage.folder import Folder
from storage.manifest import Manifest
from tests.support.table_hashes import table_hashes

MID = {"model_id": "demo", "recipe_id": "mid"}


def hashes(published: Path) -> dict[str, str]:
    with closing(connect(published)) as con:
        return table_hashes(con)


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


def test_publishers_of_one_file_take_turns(store: SyntheticStore, published: Path):
    done: list[Published] = []
    threads = [threading.Thread(target=lambda: done.append(publish(published, store.stored))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(each.replaced) > 0 for each in done) == [False, False, True]


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
