"""Tables that contradict each other are found, one rule at a time."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from experiment_rows import method_tables
from synthetic_store import SyntheticStore

from sql.catalog import table_layouts
from sql.consistency import inspect, published_violations
from sql.publish import publish
from sql.references import derived_rules
from sql.sql_files import sql_files
from sql.warehouse import connect

BROKEN = {
    "one_row_per_latent": "delete from feature where recipe_id = 'mid' and feature_id = 11",
    "neighbor_other_feature_id_in_range": "update neighbor set other_feature_id = 99 where recipe_id = 'mid'",
    "feature_match_other_feature_id_in_range": "update feature_match set other_feature_id = 12 where recipe_id = 'mid'",
    "feature_feature_id_in_range": "update feature set feature_id = 12 where recipe_id = 'mid' and feature_id = 11",
    "sae_metric_refers_to_sae": "insert into sae_metric by name select 'demo' as model_id, 'lost' as recipe_id, "
    "'held_out' as split, 'l0' as metric, 1 as value, 'features' as unit, 1 as n_tokens",
    "sae_refers_to_corpus": "update corpus set frame_sha256 = 'another'",
    "example_refers_to_feature": "delete from feature where recipe_id = 'mid' and feature_id = 3",
    "histogram_adds_up": "update activation_histogram set n = n + 1 where (recipe_id, feature_id, bin) = ('mid', 3, 0)",
    "specificity_refers_to_example": "delete from example where recipe_id = 'mid' and kind = 'control'",
    "specificity_refers_to_explanation": "update specificity set feature_id = 11 where recipe_id = 'mid'",
    "explanation_score_refers_to_explanation": "update explanation_score set explanation_id = 'lost'",
    "logit_attribution_feature_id_in_range": "update logit_attribution set feature_id = 12",
    "embedding_of_a_label": "update explanation set label = null, status = 'refused' where recipe_id = 'mid'",
    "embedding_length": "update label_embedding set embedding = [1.0] where embedding[1] = 1",
    "grain_of_feature": "insert into feature select * from feature where recipe_id = 'mid' and feature_id = 3",
    "grain_of_corpus": "insert into corpus from corpus",
}
IMPORTED = (
    "insert into graph_import select model_id, experiment_id, 'a.json', 'f00', null, null, 'theirs', [], 1 "
    "from attribution_graph",
    "insert into imported_node select model_id, experiment_id, prompt_id, node_id, 'its name', null, null "
    "from graph_node",
)
"""Rows that no method of experiments writes: the graphs as if they came from a file."""
REFERENCES = sorted(
    (text.name, to) for text in sql_files("schema") for to in re.findall(r"Refers to (\w+) \(", text.sql)
)
MOST_REFERRED_TO = ("experiment", "explanation", "feature", "sae")
"""By four of five references; those to other tables follow from the schema in the same way."""
STAND_ALONE = {"llm_request", "registry_entry", "stage_run"}
"""Of dictionaries that may be gone, or are not made yet."""


@pytest.fixture(scope="module")
def copied(warehouse: Path) -> Iterator[DuckDBPyConnection]:
    """The published warehouse, copied to where it can be broken."""
    with closing(duckdb.connect()) as con:
        con.execute("attach $file as published (read_only)".replace("$file", f"'{warehouse}'"))
        con.execute("attach ':memory:' as broken")
        con.execute("copy from database published to broken")
        con.execute("use broken")
        for rows in IMPORTED:
            con.execute(rows)
        yield con


@pytest.fixture
def con(copied: DuckDBPyConnection) -> Iterator[DuckDBPyConnection]:
    """The copy; what a test breaks in it is whole again for the next."""
    copied.execute("begin")
    yield copied
    copied.execute("rollback")


def test_a_warehouse_whose_tables_agree_has_no_finding(warehouse: Path):
    with closing(connect(warehouse)) as con:
        assert inspect(con) == []


@pytest.mark.parametrize(
    "rules",
    [
        *(
            list(BROKEN)[start::5] for start in range(5)
        ),  # some that have nothing to do with each other: a third of the time
        *(pytest.param([rule], marks=pytest.mark.slow) for rule in BROKEN),
    ],
    ids=" ".join,
)
def test_a_contradiction_is_found_and_placed(con: DuckDBPyConnection, rules: list[str]):
    for rule in rules:
        con.execute(BROKEN[rule])
    found = {finding.rule: finding for finding in inspect(con)}
    for rule in rules:
        assert rule in found, found
        assert found[rule].n > 0
        assert found[rule].title in str(found[rule])


def test_every_rule_is_broken_by_some_test(con: DuckDBPyConnection):
    ranges = {rule.name for rule in derived_rules(table_layouts(con)) if rule.name.endswith("_in_range")}
    of_experiments = {rule for rule in ranges if rule.startswith(tuple(f"{table}_" for table in method_tables()))}
    assert {text.name for text in sql_files("checks")} | ranges - of_experiments <= BROKEN.keys()


def test_a_feature_of_an_experiment_that_its_dictionary_does_not_have_is_found(con: DuckDBPyConnection):
    """Whatever the columns are called that name the dictionary, whether or not the table says that it refers to one."""
    broken: dict[tuple[str, str, str], int] = {}
    for table, layout in table_layouts(con).items():
        referred = {name for reference in layout.references for name in reference.columns}
        for column in layout.columns if table in method_tables() else ():
            if column.endswith("feature_id"):
                rule = f"{table}_refers_to_feature" if column in referred else f"{table}_{column}_in_range"
                updated = con.execute(f"update {table} set {column} = 99 where {column} is not null").fetchall()
                broken[rule, "demo", "mid"] = updated[0][0]
    found = {(v.rule, v.model_id, v.recipe_id): v.n for v in inspect(con)}
    assert len(broken) > 5
    assert min(broken.values()) > 0
    assert {place: found.get(place) for place in broken} == broken


@pytest.mark.parametrize(
    "to",
    [
        pytest.param(to, marks=[] if to in MOST_REFERRED_TO else pytest.mark.slow)
        for to in sorted({to for _, to in REFERENCES})
    ],
)
def test_rows_that_refer_to_nothing_are_found_whatever_their_table(con: DuckDBPyConnection, to: str):
    rows = {}
    for table in (table for table, name in REFERENCES if name == to):
        has = table_layouts(con)[table].columns
        place = {key: value for key, value in (("model_id", "demo"), ("recipe_id", "mid")) if key in has}
        of_place = " and ".join(["true", *(f"{key} = '{value}'" for key, value in place.items())])
        [(n,)] = con.execute(f"select count(*) from {table} where {of_place}").fetchall()
        rows[f"{table}_refers_to_{to}", place.get("model_id"), place.get("recipe_id")] = n
    con.execute(f"delete from {to}")
    found = {(v.rule, v.model_id, v.recipe_id): v.n for v in inspect(con)}
    for place, n in rows.items():
        assert found[place] == n > 0


def test_every_table_about_a_dictionary_is_held_to_one(con: DuckDBPyConnection):
    """Through as many tables as lie between."""
    about = {table for table, has in table_layouts(con).items() if {"model_id", "recipe_id"} <= has.columns.keys()}
    held = {"sae", "experiment"}
    while more := {table for table, to in REFERENCES if to in held} - held:
        held |= more
    assert about - held == STAND_ALONE, "end the comment of the table with `. Refers to …`"


def test_a_table_that_only_its_own_file_names_is_checked(con: DuckDBPyConnection):
    con.execute(
        "create table invented (model_id varchar, recipe_id varchar, feature_id integer, other_feature_id integer); "
        "comment on table invented is 'One row per (model_id, recipe_id, feature_id): a invented. "
        "Refers to feature (model_id, recipe_id, feature_id)'"
    )
    con.execute("insert into invented values ('demo', 'mid', 3, 4), ('demo', 'mid', 5, null)")
    assert inspect(con) == []
    con.execute("insert into invented values ('demo', 'mid', 3, 4), ('demo', 'mid', 12, 4), ('demo', 'mid', 6, 12)")
    assert {(v.rule, v.model_id, v.recipe_id, v.n, v.what) for v in inspect(con)} == {
        ("grain_of_invented", "demo", "mid", 1, "(demo, mid, 3) stands 2 times"),
        (
            "invented_other_feature_id_in_range",
            "demo",
            "mid",
            1,
            "other_feature_id 12 of demo/mid, which has n_features 12",
        ),
        (
            "invented_refers_to_feature",
            "demo",
            "mid",
            1,
            "model_id demo, recipe_id mid, feature_id 12 stands in invented, not in feature",
        ),
    }


def test_a_dump_may_lack_features_and_have_none_twice(con: DuckDBPyConnection):
    for table in ("sae", "corpus", "image"):
        con.execute(f"update {table} set frame_sha256 = 'unknown'")
    for table in (
        "activation_histogram",
        "example",
        "explanation",
        "logit_effect",
        "logit_shape",
        "neighbor",
        "feature_match",
    ):
        con.execute(f"delete from {table} where feature_id = 11")
    con.execute("delete from feature where feature_id = 11")
    assert inspect(con) == []


def test_a_finding_says_where_and_what(con: DuckDBPyConnection):
    con.execute(BROKEN["histogram_adds_up"])
    [finding] = inspect(con)
    [(n,)] = con.execute("select n_firings from feature where recipe_id = 'mid' and feature_id = 3").fetchall()
    assert str(finding) == (
        "histogram_adds_up (demo/mid): 1 rows break it, such as: "
        f"feature_id 3 fires {n} times, its histogram holds {n + 1}. "
        "Wanted: The bins of a feature's histogram hold each of its firings once."
    )


def test_what_is_found_of_changed_dictionaries_and_kept_of_others_is_what_is_found_of_all(
    store: SyntheticStore, published: Path
):
    """Rows that contradict each other within a dictionary, and across two of them."""
    mid, late = ({"model_id": "demo", "recipe_id": name} for name in ("mid", "late"))
    store.write_sae("demo", "late", seed=3, labels=False, codes=False)
    store.write("logit_shape", mid, [{"feature_id": 99}])
    publish(published, store.stored)
    store.write("logit_shape", late, [{"feature_id": 77}, {"feature_id": 78}])
    store.write("neighbor", late, [neighbor("mid", 99), neighbor("late", 99)])
    publish(published, store.stored)
    with closing(connect(published)) as con:
        assert set(map(str, published_violations(con))) == set(map(str, inspect(con)))
        assert {(each.rule, each.recipe_id) for each in published_violations(con)} >= {
            ("logit_shape_refers_to_feature", "mid"),
            ("logit_shape_refers_to_feature", "late"),
            ("neighbor_other_feature_id_in_range", "late"),
        }
    store.write("logit_shape", mid, [{"feature_id": 0}])
    store.write_sae("demo", "late", seed=3, labels=False, codes=False)
    publish(published, store.stored)
    with closing(connect(published)) as con:
        assert published_violations(con) == inspect(con) == []


def neighbor(recipe_id: str, feature_id: int) -> dict:
    other = {"other_model_id": "demo", "other_recipe_id": recipe_id, "other_feature_id": feature_id}
    return {"feature_id": 0, "kind": "decoder_cosine", "rank": len(recipe_id), "value": 0.5} | other
