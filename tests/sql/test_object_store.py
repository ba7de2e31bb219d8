"""A store on S3 is published like a local one, and the codes are read from there."""

import re
from contextlib import closing
from pathlib import Path

import pytest
from synthetic_codes import N_FEATURES, plant
from synthetic_store import SyntheticStore

from sql.publish import publish
from sql.warehouse import connect
from tests.support.table_hashes import table_hashes


@pytest.mark.slow
def test_a_store_on_s3_gives_the_same_warehouse(s3: str, store: SyntheticStore, published: Path):
    remote = SyntheticStore(s3)
    remote.write_model("demo")
    remote.write_sae("demo", "mid")
    publish(published, store.stored)
    done = publish(published.with_name("remote.duckdb"), remote.stored)
    assert done.rows["feature"] == N_FEATURES
    with closing(connect(published)) as here, closing(connect(published.with_name("remote.duckdb"))) as there:
        assert there.execute("select count(*) from feature_activation where recipe_id = 'mid'").fetchall() == [
            (len(plant(0)),)
        ]
        assert table_hashes(here) == table_hashes(there)


def test_a_damaged_object_is_named_with_its_hash(s3: str, published: Path):
    remote = SyntheticStore(s3)
    folder = remote.write("logit_shape", {"model_id": "demo", "recipe_id": "mid"}, [{"feature_id": 0}])
    content = bytearray(folder.read_bytes("part-00000.parquet"))
    content[5] ^= 1
    folder.write_bytes("part-00000.parquet", bytes(content))
    [left] = publish(published, remote.stored).left_out
    assert re.search(r"part-00000\.parquet has sha256 .* was written", left.found)
