"""Whatever is wrong in the store is left out by name: table, partition, file, what was found and what to do."""

import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from synthetic_store import SyntheticStore

from sql.publish import publish
from sql.warehouse import connect
from storage.folder import Folder
from storage.manifest import Manifest, ManifestFile

MID = {"model_id": "demo", "recipe_id": "mid"}
PLACE = "partition model_id=demo/recipe_id=mid"
SHAPE = {"feature_id": 0, "logit_skew": 0.0, "logit_kurtosis": 3.0}
FEATURE = {"feature_id": 0, "n_firings": 5, "n_tokens": 10, "density": 0.5, "is_dead": False, "decoder_norm": 1.0}
CODE = {"context_id": 0, "position": 1, "feature_id": 0, "activation": 0.5}
SCORE = {"explanation_id": "e", "scorer": "detection", "metric": "balanced_accuracy", "value": 0.5}
ROWS = {"feature": FEATURE, "feature_activation": CODE, "logit_shape": SHAPE}


@pytest.fixture
def store(home: Path) -> SyntheticStore:
    """Nothing but what a test writes: a refusal does not wait for what is sound."""
    return SyntheticStore(str(home))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that is published from a store without a row."""
    home = tmp_path_factory.mktemp("empty")
    (home / "tables").mkdir()
    publish(home / "warehouse.duckdb", SyntheticStore(str(home)).stored)
    return home / "warehouse.duckdb"


@pytest.fixture
def published(home: Path, empty: Path) -> Path:
    return Path(shutil.copy(empty, home / "warehouse.duckdb"))


def refusal(store: SyntheticStore, published: Path) -> str:
    """Why the one partition that there is was left out, as the publication says and the file."""
    done = publish(published, store.stored)
    [left] = done.left_out
    assert sum(done.rows.values()) == 0
    with closing(connect(published)) as con:
        said = con.execute("select table_name, partition, model_id, reason, remedy from left_out_partition").fetchall()
    assert said == [(left.table, left.partition, "demo", left.found, left.remedy)]
    return str(left)


def written(store: SyntheticStore, table: str, row: dict[str, Any] | None = None) -> tuple[Path, dict[str, Any]]:
    """One partition of one row: its Parquet file, and what its manifest says."""
    folder = Path(store.write(table, MID, [row or ROWS[table]], as_given=row is not None).path)
    return folder / "part-00000.parquet", json.loads((folder / "_manifest.json").read_text())


@pytest.mark.parametrize("table", ["feature", "feature_activation"])
def test_a_truncated_file_is_named_with_its_hash(store: SyntheticStore, published: Path, table: str):
    file, manifest = written(store, table)
    file.write_bytes(file.read_bytes()[:-10])
    said = refusal(store, published)
    sha256 = manifest["files"][0]["sha256"]
    for wanted in (f"table {table}", PLACE, "part-00000.parquet", sha256, f"materialize the asset that writes {table}"):
        assert wanted in said, said


@pytest.mark.parametrize("table", ["feature", "feature_activation"])
def test_a_missing_file_is_named_with_its_hash(store: SyntheticStore, published: Path, table: str):
    written(store, table)[0].unlink()
    assert f"table {table}, {PLACE}: part-00000.parquet is missing; its sha256 was " in refusal(store, published)


def test_a_flipped_bit_is_found_and_nothing_published(store: SyntheticStore, published: Path):
    published.unlink()
    file, manifest = written(store, "feature")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    said = refusal(store, published)
    assert f"table feature, {PLACE}: part-00000.parquet has sha256 " in said
    assert manifest["files"][0]["sha256"] in said


def test_rows_that_the_manifest_does_not_promise_are_refused(store: SyntheticStore, published: Path):
    folder = Folder(str(written(store, "feature")[0].parent))
    manifest = Manifest.read(folder)
    assert manifest is not None
    Manifest(manifest.identity, (replace(manifest.files[0], rows=2),)).write(folder)
    assert "part-00000.parquet has 1 rows, its manifest says 2" in refusal(store, published)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        '{"files": [{}], "identity_sha256": "a"}',
        *(pytest.param(text, marks=pytest.mark.slow) for text in ("", "[]", '{"identity": {}}')),
    ],
)
def test_a_malformed_manifest_is_named(store: SyntheticStore, published: Path, content: str):
    written(store, "feature")[0].with_name("_manifest.json").write_text(content)
    said = refusal(store, published)
    assert f"table feature, {PLACE}" in said
    assert "is not a manifest" in said


@pytest.mark.parametrize(
    ("table", "row", "said"),
    [
        (
            "feature",
            {"feature_id": 0},
            "missing: n_firings, n_tokens, density, is_dead; not wanted: none",
        ),
        ("logit_shape", SHAPE | {"surprise": 1}, "missing: none; not wanted: surprise"),
        pytest.param(
            "logit_shape", SHAPE | {"model_id": "demo"}, "missing: none; not wanted: model_id", marks=pytest.mark.slow
        ),
        ("explanation_score", SCORE | {"is_headline": None}, "NOT NULL constraint failed"),
        pytest.param("logit_shape", SHAPE | {"feature_id": None}, "NOT NULL constraint failed", marks=pytest.mark.slow),
        ("logit_shape", SHAPE | {"feature_id": 2**40}, "Conversion Error"),
        pytest.param("logit_shape", SHAPE | {"feature_id": "seven"}, "Conversion Error", marks=pytest.mark.slow),
        ("logit_shape", SHAPE | {"feature_id": -1}, "feature_id = -1"),
        ("logit_shape", SHAPE | {"logit_skew": float("nan")}, "logit_skew = nan"),
        pytest.param("logit_shape", SHAPE | {"logit_skew": float("inf")}, "logit_skew = inf", marks=pytest.mark.slow),
        ("feature", FEATURE | {"density": 1.1}, "density = 1.1"),
        pytest.param("feature", FEATURE | {"density": 0.9}, "density = 0.9", marks=pytest.mark.slow),
        ("feature", FEATURE | {"n_firings": 10_000}, "n_firings = 10000"),
        ("feature", FEATURE | {"is_dead": True}, "is_dead = True"),
        pytest.param("feature", FEATURE | {"max_activation": -1.0}, "max_activation = -1.0", marks=pytest.mark.slow),
        pytest.param(
            "feature", FEATURE | {"mean_activation": float("nan")}, "mean_activation = nan", marks=pytest.mark.slow
        ),
        pytest.param(
            "feature", FEATURE | {"encoder_decoder_cosine": 1.5}, "encoder_decoder_cosine = 1.5", marks=pytest.mark.slow
        ),
    ],
)
def test_a_row_that_breaks_the_schema_is_shown(
    store: SyntheticStore, published: Path, table: str, row: dict[str, Any], said: str
):
    written(store, table, row)
    found = refusal(store, published)
    assert said in found
    assert f"table {table}, {PLACE}: part-00000.parquet" in found


def test_a_file_that_is_not_parquet_is_named(store: SyntheticStore, published: Path):
    folder = store.folder("feature", **MID)
    folder.write_bytes("part-00000.parquet", b"hello, I am no Parquet")
    entry = ManifestFile.of(Path(folder.path) / "part-00000.parquet", "part-00000.parquet", 1)
    Manifest({}, (entry,)).write(folder)
    assert "part-00000.parquet cannot be loaded, for " in refusal(store, published)


def test_a_folder_that_names_no_column_is_refused(store: SyntheticStore, published: Path):
    store.write("logit_shape", {"model_id": "demo", "color": "red"}, [SHAPE])
    said = refusal(store, published)
    assert "partition model_id=demo/color=red" in said
    assert "missing: recipe_id; not wanted: color" in said


def test_files_that_no_manifest_vouches_for_are_not_there(store: SyntheticStore, published: Path):
    written(store, "feature")[0].with_name("_manifest.json").unlink()
    assert publish(published, store.stored).rows["feature"] == 0


def test_tables_that_the_schema_does_not_know_are_left_alone(store: SyntheticStore, published: Path):
    store.write("circuit", MID, [{"edge": 1}], as_given=True)
    assert "circuit" not in publish(published, store.stored).rows
