"""Queries of somebody who may ask anything: cut, broken off, and never more than read."""

import time
from pathlib import Path

import pytest

from sql.limited_query import SlowQuery, limited_rows


def test_rows_are_cut_and_it_is_said(warehouse: Path):
    whole = limited_rows(warehouse, "select feature_id from feature order by all", 10_000)
    few = limited_rows(warehouse, "select feature_id from feature order by all", 3)
    assert (whole.is_cut, few.is_cut) == (False, True)
    assert (few.columns, list(few.rows)) == (["feature_id"], list(whole.rows[:3]))


def test_a_named_query_is_answered(warehouse: Path):
    assert "l0" in limited_rows(warehouse, "pareto", 5).columns


def test_a_query_that_does_not_end_is_broken_off(warehouse: Path):
    began = time.monotonic()
    with pytest.raises(SlowQuery, match=r"longer than 0\.2 s"):
        limited_rows(warehouse, "select count(*) from range(10000000000) a, range(100000) b", 5, seconds=0.2)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "query",
    [
        "drop table sae",
        "update sae set n_features = 1",
        "insert into sae select * from sae",
        "copy sae to 'sae.csv'",
        "select * from read_text('/etc/hostname')",
        "attach 'other.duckdb' as other",
        "install httpfs",
        "set memory_limit = '100GB'",
        "set enable_external_access = true",
        "select nothing from nowhere",
        "",
        ";",
    ],
)
def test_what_is_no_question_is_refused(warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str):
    monkeypatch.chdir(tmp_path)
    before = warehouse.read_bytes()
    with pytest.raises(ValueError, match=r"\w"):
        limited_rows(warehouse, query, 5)
    assert warehouse.read_bytes() == before
    assert list(tmp_path.iterdir()) == []
