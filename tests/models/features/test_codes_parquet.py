"""Codes come back from Parquet as they were, in a file that any engine reads and that is small."""

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from random_codes import made

from models.features.codes_parquet import StoredCodes, part_name, write_codes, write_part
from storage.folder import Folder
from storage.manifest import DamagedFile, Manifest, ManifestFile


def same(a, b) -> bool:
    names = ("features_M", "contexts_M", "positions_M", "acts_M")
    facts = ("n_features", "n_tokens", "first_context", "last_context")
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in names) and all(
        getattr(a, n) == getattr(b, n) for n in facts
    )


def test_a_part_comes_back_bit_for_bit(tmp_path):
    some = made()
    some.codes.acts_TK.mul_(1 / 3)
    write_part(tmp_path / "part.parquet", some.fired())
    assert same(write_codes(tmp_path / "part.parquet"), some.fired())


def test_contexts_in_which_nothing_fires_are_not_forgotten(tmp_path):
    some = made()
    some.codes.acts_TK.zero_()
    write_part(tmp_path / "part.parquet", some.fired())
    back = write_codes(tmp_path / "part.parquet")
    assert same(back, some.fired())
    assert (back.first_context, back.last_context, back.n_tokens) == (0, 59, len(some.token_T))


def test_joined_parts_are_the_whole():
    some = made(3)
    assert same(some.fired(0, 20) + some.fired(20, 33) + some.fired(33), some.fired())


def test_other_engines_read_the_same_rows(tmp_path):
    some = made(1)
    write_part(tmp_path / "part.parquet", some.fired())
    table = some.table()
    wanted = sorted(zip(table["feature"], table["context"], table["position"], table["act"], strict=True))
    query = f"select feature_id, context_id, position, activation from '{tmp_path}/part.parquet' order by all"
    with duckdb.connect() as con:
        assert con.execute(query).fetchall() == wanted
        types = con.execute(
            f"select column_name, column_type from (describe from '{tmp_path}/part.parquet')"
        ).fetchall()
    assert dict(types) == {
        "context_id": "BIGINT",
        "position": "INTEGER",
        "feature_id": "INTEGER",
        "activation": "FLOAT",
    }
    rows = pl.read_parquet(tmp_path / "part.parquet").select("feature_id", "context_id", "position", "activation")
    assert sorted(rows.rows()) == wanted


def test_a_row_takes_about_six_bytes(tmp_path):
    some = made(contexts=300, n_features=100, k=16, length=64)
    some.codes.acts_TK.mul_(0.7931).add_(some.codes.acts_TK * 1e-3 * some.token_T[:, None])
    write_part(tmp_path / "part.parquet", some.fired())
    size = (tmp_path / "part.parquet").stat().st_size / len(some.fired().acts_M)
    assert size < 7, f"{size:.2f} bytes a row"
    assert pq.read_schema(tmp_path / "part.parquet").names == ["context_id", "position", "feature_id", "activation"]


def test_a_table_is_read_as_often_as_wanted_and_refuses_damage(tmp_path):
    some, folder = made(), Folder(str(tmp_path / "codes"))
    with pytest.raises(FileNotFoundError, match="keep_feature_activations: true"):
        StoredCodes.open(folder)
    entries = []
    for number, run in enumerate([(0, 30), (30, None)]):
        with folder.writing(part_name(number)) as path:
            write_part(path, some.fired(*run))
            entries.append(ManifestFile.of(path, part_name(number), len(some.fired(*run).acts_M)))
    Manifest({}, tuple(entries)).write(folder)
    table = StoredCodes.open(folder)
    for _ in range(2):
        first, second = table
        assert same(first + second, some.fired())
    assert table.n_rows == len(some.fired().acts_M)

    damaged = tmp_path / "codes" / part_name(1)
    damaged.write_bytes(damaged.read_bytes()[:-9] + b"X" * 9)
    with pytest.raises(DamagedFile, match="part-00001"):
        StoredCodes.open(folder)
