"""Tables that contradict each other are found, one rule at a time."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from duckdb import DuckDBPyConnection

from sql.consistency import inspect
from sql.sql_files import sql_files
from sql.warehouse import connect

BROKEN = {
    "one_row_per_latent": "delete from feature where recipe_id = 'mid' and feature_id = 11",
    "feature_in_range": "update neighbor set other_feature_id = 99 where recipe_id = 'mid' and feature_id = 3",
    "dictionary_known": "insert into sae_metric by name select 'demo' as model_id, 'lost' as recipe_id, "
    "'held_out' as split, 'l0' as metric, 1 as value, 'features' as unit, 1 as n_tokens",
    "model_and_corpus_known": "delete from corpus",
    "feature_known": "delete from feature where recipe_id = 'mid' and feature_id = 3",
    "histogram_adds_up": "update activation_histogram set n = n + 1 where (recipe_id, feature_id, bin) = ('mid', 3, 0)",
    "rating_known": "delete from example where recipe_id = 'mid' and kind = 'control'",
    "score_known": "update explanation_score set explanation_id = 'lost' where recipe_id = 'mid'",
    "embedding_known": "update label_embedding set explanation_id = 'lost' where embedding[1] = 1",
    "embedding_length": "update label_embedding set embedding = [1.0] where embedding[1] = 1",
    "grain_of_feature": "insert into feature select * from feature where recipe_id = 'mid' and feature_id = 3",
    "grain_of_corpus": "insert into corpus from corpus",
}


@pytest.fixture
def con(warehouse: Path) -> Iterator[DuckDBPyConnection]:
    """The published warehouse, copied to where it can be broken."""
    with closing(duckdb.connect()) as con:
        con.execute("attach $file as published (read_only)".replace("$file", f"'{warehouse}'"))
        con.execute("attach ':memory:' as broken")
        con.execute("copy from database published to broken")
        con.execute("use broken")
        yield con


def test_a_warehouse_whose_tables_agree_has_no_finding(warehouse: Path):
    with closing(connect(warehouse)) as con:
        assert inspect(con) == []


@pytest.mark.parametrize("rule", BROKEN)
def test_a_contradiction_is_found_and_placed(con: DuckDBPyConnection, rule: str):
    con.execute(BROKEN[rule])
    found = {finding.rule: finding for finding in inspect(con)}
    assert rule in found, found
    assert found[rule].n > 0
    assert found[rule].title in str(found[rule])


def test_every_rule_is_broken_by_some_test():
    assert {text.name for text in sql_files("checks")} <= BROKEN.keys()


def test_a_finding_says_where_and_what(con: DuckDBPyConnection):
    con.execute(BROKEN["histogram_adds_up"])
    [finding] = inspect(con)
    [(n,)] = con.execute("select n_firings from feature where recipe_id = 'mid' and feature_id = 3").fetchall()
    assert str(finding) == (
        "histogram_adds_up (demo/mid): 1 rows break it, such as: "
        f"feature_id 3 fires {n} times, its histogram holds {n + 1}. "
        "Wanted: The bins of a feature's histogram hold each of its firings once."
    )
