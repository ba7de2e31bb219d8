"""What a publication finds by looking at what changed is what one finds who looks at everything."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from synthetic_store import SyntheticStore

from sql.catalog import table_layouts
from sql.consistency import inspect, inspect_changes, published_violations, rules_sha256
from sql.publish import publish
from sql.sql_files import sql_files
from sql.warehouse import connect

DICTIONARIES = ("mid", "late", "third")
TABLES = (
    *("model", "corpus", "sae", "feature", "activation_histogram", "logit_shape", "neighbor", "example"),
    *("explanation", "label_embedding", "feature_list", "feature_list_entry", "_violation", "_publication"),
)
"""Those that a rule of `sql/checks/` reads, and some with every kind of reference: to rows of the same dictionary, of
another, to what all share, and from the registry."""
Change = Callable[[DuckDBPyConnection, random.Random, str], None]


def said(sql: str) -> Change:
    """Of one dictionary `$name`, and a latent `$latent` that it may not have."""

    def change(con: DuckDBPyConnection, chance: random.Random, name: str) -> None:
        given = {"name": name, "latent": chance.randrange(14)}
        con.execute(sql, {key: value for key, value in given.items() if f"${key}" in sql})

    return change


def whole_again(con: DuckDBPyConnection, chance: random.Random, name: str) -> None:
    for table, layout in table_layouts(con).items():
        if layout.is_of_dictionaries:
            con.execute(f"delete from {table} where recipe_id = $1", [name])
            of = f"select * replace ($1 as recipe_id) from published.{table} where recipe_id = 'mid'"
            con.execute(f"insert into {table} by name {of}", [name])


OF_ONE = [
    whole_again,
    said("delete from feature where recipe_id = $name and feature_id = $latent"),
    said("delete from sae where recipe_id = $name"),
    said("insert into feature from feature where recipe_id = $name and feature_id = $latent limit 1"),
    said("update logit_shape set feature_id = $latent + 3 where recipe_id = $name and feature_id = $latent"),
    said("update activation_histogram set n = n + 1 where recipe_id = $name and feature_id = $latent"),
    said("update neighbor set other_feature_id = $latent where recipe_id = $name and rank = 1"),
    said("update neighbor set other_recipe_id = 'third', other_feature_id = $latent + 6 where recipe_id = $name"),
    said("update explanation set label = null, status = 'refused' where recipe_id = $name and feature_id = $latent"),
    said("update label_embedding set embedding = [1.0] where recipe_id = $name and embedding[1] = 1"),
]
OF_ALL = [
    said("update corpus set frame_sha256 = 'another'"),
    said("update corpus set frame_sha256 = repeat('1', 64)"),
]
OF_THE_REGISTRY = [
    said("insert into feature_list_entry by name select 'some' as list_id, 1 as place, 'demo' as model_id, "
         "$name as recipe_id, $latent as feature_id"),
    said("delete from feature_list_entry where recipe_id = $name"),
]  # fmt: skip


@pytest.fixture
def con(warehouse: Path) -> Iterator[DuckDBPyConnection]:
    """Some tables of a published file, and three dictionaries that are alike, of which none contradicts itself."""
    with closing(duckdb.connect()) as con:
        con.execute(f"attach '{warehouse}' as published (read_only); attach ':memory:' as warehouse; use warehouse")
        for text in sql_files("schema"):
            if text.name in TABLES:
                con.execute(text.sql)
        for table in ("model", "corpus"):
            con.execute(f"insert into {table} from published.{table}")
        for name in DICTIONARIES:
            whole_again(con, random.Random(), name)
        con.execute("insert into _publication values (now()::timestamp, '', '', $1, '')", [rules_sha256(con)])
        yield con


def compare(con: DuckDBPyConnection) -> int:
    kept, found = published_violations(con), inspect(con)
    assert set(map(str, kept)) == set(map(str, found))
    assert len(kept) == len(found)
    return len(found)


@pytest.mark.parametrize("seed", [13, *(pytest.param(n, marks=pytest.mark.slow) for n in range(12))])
def test_any_changes_leave_the_findings_of_all_rows(con: DuckDBPyConnection, seed: int):
    chance, found = random.Random(seed), []
    for _ in range(6 if seed == 13 else 12):
        changed: set[tuple[str, str]] | None = set()
        for name in chance.sample(DICTIONARIES, chance.randrange(3)):
            for change in chance.choices(OF_ONE, k=chance.randint(1, 2)):
                change(con, chance, name)
            changed.add(("demo", name))
        if chance.random() < 0.3:
            chance.choice(OF_THE_REGISTRY)(con, chance, chance.choice(DICTIONARIES))
        if chance.random() < 0.2:
            chance.choice(OF_ALL)(con, chance, "")
            changed = None
        inspect_changes(con, changed, layouts := table_layouts(con), layouts)
        found.append(compare(con))
    assert len(set(found)) > 3


def test_what_other_rules_found_is_not_kept(con: DuckDBPyConnection):
    """A file of an older version, whose tables are the same and whose checks were not."""
    con.execute("delete from feature where recipe_id = 'mid' and feature_id = 3")
    con.execute("update _publication set rules_sha256 = 'of fewer rules'")
    inspect_changes(con, {("demo", "late")}, layouts := table_layouts(con), layouts)
    assert compare(con) > 0


def test_a_partition_that_can_no_longer_be_read_is_one_that_changed(store: SyntheticStore, published_before: Path):
    """It goes out of the file, and whoever refers to its rows contradicts the rest from then on."""
    store.write("feature", {"model_id": "demo", "recipe_id": "mid"}, [{"feature_id": 3}], as_given=True)
    done = publish(published_before, store.stored)
    assert [left.table for left in done.left_out] == ["feature"]
    with closing(connect(published_before)) as con:
        assert compare(con) > 0
