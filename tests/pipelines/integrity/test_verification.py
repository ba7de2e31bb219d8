"""A verification names whatever is not as it was written: bits, files, identities, numbers."""

import os
import random
import re
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic_store import SyntheticStore, sae_row
from typer.testing import CliRunner

from pipelines.cli.main import app as commands
from pipelines.integrity.verification import Scope, Verification
from pipelines.store.publication import publish_store
from pipelines.store.store import Store
from pipelines.store.tables import replace_partition
from storage.folder import LEFT_BEHIND, Folder
from storage.manifest import Manifest

SMALL = Scope("first", "small")
"""Without the published file and the relations across tables, which take seconds."""
EVERYTHING = Scope()
OF_SMALL = "model_id=first/recipe_id=small"
KINDS = {
    "manifest": "tables/example/*/*/_manifest.json",
    "shard of activations": "activations/first/*/shard-00000.parquet",
    "shard of a corpus": "corpora/*/*/shard-00000.parquet",
    "codes": f"tables/feature_activation/{OF_SMALL}/part-00000.parquet",
    "rows of a table": f"tables/neighbor/{OF_SMALL}/*.parquet",
    "weights": "saes/first/small/sae_weights.safetensors",
    "configuration": "saes/first/small/cfg.json",
    "published file": "warehouse.duckdb",
}


def root(store: Store) -> Path:
    return Path(store.layout.root.path)


def found(store: Store, sample: int | None = 0, scope: Scope = EVERYTHING) -> list[str]:
    """What is wrong."""
    return [str(each) for each in Verification(store, scope, sample).findings() if each.is_wrong]


def flip(path: Path, place: int, bit: int = 3) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


def rewritten(store: Store, table: str, columns: dict[str, pa.Array]) -> None:
    """Other values in a table of the dictionary, every hash made right again."""
    folder = Folder(str(root(store) / "tables" / table / "model_id=first" / "recipe_id=small"))
    manifest = Manifest.read(folder)
    assert manifest is not None
    rows = pq.read_table(f"{folder.path}/{manifest.files[0].name}")
    for name, values in columns.items():
        rows = rows.set_column(rows.column_names.index(name), rows.schema.field(name), values)
    replace_partition(folder, [rows], manifest.identity, manifest.facts)


def column(store: Store, table: str, name: str) -> list:
    [path] = (root(store) / "tables" / table / "model_id=first" / "recipe_id=small").glob("*.parquet")
    return pq.read_table(path).column(name).to_pylist()


def test_a_whole_store_has_nothing_wrong_and_every_number_can_be_made_again(house: Store):
    done = Verification(house, sample=None)
    assert list(map(str, done.findings())) == []
    assert (done.tally.features, done.tally.wrong) == (64, 0)
    assert done.tally.n_bytes > 1e6


def test_a_flipped_bit_is_named_in_every_kind_of_file(house: Store):
    places = {}
    for kind, pattern in KINDS.items():
        [path, *_] = sorted(root(house).glob(pattern))
        flip(path, path.stat().st_size * 2 // 3)
        places[kind] = str(path.relative_to(root(house)))
    lines = found(house)
    missing = {kind: place for kind, place in places.items() if not any(place in line for line in lines)}
    assert not missing, lines
    of_codes = next(line for line in lines if places["codes"] in line)
    assert re.search(r"it has sha256 \w{64}, \w{64} was written: delete .*feature_activation.*small, then", of_codes)
    assert "`glasshouse run --model first --recipe small`" in of_codes


def test_a_file_that_is_gone_cut_short_or_too_many_is_named(house: Store):
    tables = root(house) / "tables"
    [gone] = tables.glob(f"logit_effect/{OF_SMALL}/*.parquet")
    gone.unlink()
    [short] = tables.glob(f"sae_metric/{OF_SMALL}/*.parquet")
    short.write_bytes(short.read_bytes()[:-10])
    extra = tables / "example" / OF_SMALL / "part-old-00000.parquet"
    extra.write_bytes(b"rows of somebody else")
    young = extra.with_name("part-new-00000.parquet")
    young.write_bytes(b"a run is at work")
    os.utime(extra, (0, time.time() - 2 * LEFT_BEHIND))
    every = list(Verification(house, SMALL, 0).findings())
    lines = [str(each) for each in every if each.is_wrong]
    assert len(lines) == 3, lines
    said = "\n".join(lines)
    assert f"logit_effect/{OF_SMALL}/{gone.name}: is missing; its sha256 was" in said
    assert f"sae_metric/{OF_SMALL}/{short.name}: has " in said
    assert "part-old-00000.parquet: no manifest names it" in said
    [note] = [str(each) for each in every if not each.is_wrong]
    assert "part-new-00000.parquet: no manifest names it" in note


def test_a_manifest_of_another_identity_is_named(house: Store):
    folder = Folder(str(root(house) / "tables" / "neighbor" / "model_id=first" / "recipe_id=small"))
    manifest = Manifest.read(folder)
    assert manifest is not None
    other = {**manifest.identity, "settings": {**manifest.identity["settings"], "recipe.sae.k": 32}}
    Manifest(other, manifest.files, manifest.facts).write(folder)
    lines = [line for line in found(house) if "neighbor" in line]
    assert len(lines) == 2, lines
    assert f"tables/neighbor/{OF_SMALL}: it was not made from what stands in saes/first/small now (" in lines[0]
    assert "recipe.sae.k was 32, is 4): `glasshouse run --model first --recipe small`" in lines[0]
    assert "published as it was made from other cards or code than now in the store: `glasshouse publish`" in lines[1]


def test_a_partition_that_a_publication_left_out_is_told_with_the_reason(house: Store):
    densities = column(house, "feature", "density")
    rewritten(house, "feature", {"density": pa.array([2.0] * len(densities))})
    publish_store(house)
    lines = [line for line in found(house) if "table feature," in line and "left out of the publication" in line]
    assert len(lines) == 1, lines
    assert re.search(r"in the store, left out of the publication \(.+\): materialize the asset that writes", lines[0])


def test_a_number_that_was_changed_with_its_hashes_is_found_by_making_it_again(house: Store):
    norms = column(house, "feature", "decoder_norm")
    means = column(house, "feature", "mean_activation")
    live = next(row for row, mean in enumerate(means) if mean)
    norms[5] *= 1.01
    means[live] *= 1.01
    rewritten(house, "feature", {"decoder_norm": pa.array(norms), "mean_activation": pa.array(means)})
    values = column(house, "neighbor", "value")
    values[0] -= 0.01
    rewritten(house, "neighbor", {"value": pa.array(values)})
    counts = column(house, "activation_histogram", "n")
    full = max(range(len(counts)), key=lambda row: counts[row])
    bins = (full // 10 * 10, full // 10 * 10 + 9)
    other = bins[0] if full != bins[0] else bins[1]
    counts[full], counts[other] = counts[full] - 1, counts[other] + 1
    rewritten(house, "activation_histogram", {"n": pa.array(counts, pa.int64())})
    assert found(house, 0, SMALL) == [], "every hash is right"
    said = "\n".join(found(house, None, SMALL))
    assert f"feature/{OF_SMALL}: 1 rows differ from the codes, such as feature_id {live}: mean_activation" in said
    assert f"feature/{OF_SMALL}: 1 rows differ from the weights, such as decoder_norm" in said
    assert f"neighbor/{OF_SMALL}: 1 rows differ from the weights" in said
    assert f"activation_histogram/{OF_SMALL}: 2 rows differ from the codes" in said


def test_the_command_says_what_it_read_and_ends_with_1_where_something_is_wrong(
    house: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GLASSHOUSE_HOME", str(house.home))
    monkeypatch.setenv("GLASSHOUSE_REGISTRY", str(house.registry))
    monkeypatch.setenv("GLASSHOUSE_WAREHOUSE", str(house.warehouse))
    asked = ["verify", "--model", "first", "--recipe", "small", "--sample", "3"]
    ran = CliRunner().invoke(commands, asked, env={"COLUMNS": "300"})
    assert ran.exit_code == 0, ran.output
    assert "made the numbers of 3 features again: nothing is wrong" in ran.output
    flip(root(house) / "saes/first/small/cfg.json", 10)
    ran = CliRunner().invoke(commands, asked, env={"COLUMNS": "300"})
    assert ran.exit_code == 1
    assert "wrong saes/first/small/cfg.json: it has sha256" in ran.output
    assert "1 wrong" in ran.output


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_bit_of_a_record_of_a_run_is_named_whatever_is_looked_at(house: Store, share: float):
    """In its values, which would still be JSON, and in its seal."""
    record = root(house) / "stage_records/sae/first/small.json"
    place = int(share * record.stat().st_size)
    flip(record, place, 0)
    assert any("stage_records/sae/first/small.json" in line for line in found(house, 0, SMALL))
    flip(record, place, 0)
    assert found(house, 0, SMALL) == []


@pytest.mark.slow
def test_two_hundred_random_bits_are_named(house: Store):
    chance = random.Random(0)
    files = sorted(path for path in root(house).rglob("*") if path.is_file() and path.stat().st_size)
    files = [path for path in files if not path.name.startswith(".")]
    unnamed = []
    for _ in range(200):
        path = chance.choice(files)
        place, bit = chance.randrange(path.stat().st_size), chance.randrange(8)
        flip(path, place, bit)
        name = str(path.relative_to(root(house)))
        scope = EVERYTHING if path == house.published else Scope("first")  # relations across tables take seconds
        if not any(name in line for line in found(house, 0, scope)):
            unnamed.append((name, place, bit))
        flip(path, place, bit)
    assert not unnamed
    assert found(house) == []


def test_a_store_on_s3_is_read_again_likewise(s3: str, tmp_path: Path):
    synthetic = SyntheticStore(f"{s3}/home")
    synthetic.write("sae", {"model_id": "demo", "recipe_id": "mid"}, [sae_row()])
    shape = {"feature_id": 0, "logit_skew": 0.0, "logit_kurtosis": 3.0}
    folder = synthetic.write("logit_shape", {"model_id": "demo", "recipe_id": "mid"}, [shape])
    store, scope = Store(home=f"{s3}/home", warehouse=str(tmp_path / "warehouse.duckdb")), Scope("demo", "mid")
    assert found(store, 0, scope) == []
    content = bytearray(folder.read_bytes("part-00000.parquet"))
    content[40] ^= 1
    folder.write_bytes("part-00000.parquet", bytes(content))
    [line] = found(store, 0, scope)
    assert line.startswith("tables/logit_shape/model_id=demo/recipe_id=mid/part-00000.parquet: it has sha256")
