"""docs/labels.md: every query on it runs and answers what the page shows, and it explains every score there is."""

import re
from contextlib import closing
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection
from synthetic_store import SCORES, SyntheticStore

from models.autointerp.scorer import metric_meanings, scorer_names, scorer_of
from sql.publish import publish
from sql.query_output import answer, format_table
from sql.sql_files import sql_files
from sql.warehouse import connect

PAGE = (Path(__file__).parents[2] / "docs" / "labels.md").read_text(encoding="utf-8")
ASKED = re.findall(r"^## (.*?)\n.*?```sql\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
DIFFERENT = "labels_that_differ_across_dictionaries"
NAMED = [
    "labels_of_strong_activations_only",
    "specificity_by_interval",
    "compare_explainers",
    DIFFERENT,
    "llm_cost_by_recipe",
]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dictionaries that hold some of the same features, both with labels."""
    home = tmp_path_factory.mktemp("labelled")
    store = SyntheticStore(str(home))
    store.write_model("demo")
    store.write_sae("demo", "mid")
    store.write_sae("demo", "late", seed=3)
    publish(home / "warehouse.duckdb", store.stored)
    return home / "warehouse.duckdb"


@pytest.mark.parametrize(("question", "query", "shown"), [pytest.param(*asked, id=asked[0]) for asked in ASKED])
def test_a_query_answers_what_the_page_shows(labelled: Path, question: str, query: str, shown: str):
    assert format_table(answer(labelled, query)) == shown.rstrip("\n")


def test_every_query_of_the_page_is_run():
    assert len(ASKED) == PAGE.count("```sql") == PAGE.count("```text")


@pytest.mark.parametrize("name", NAMED)
def test_a_named_question_stands_on_the_page_in_full(name: str):
    [sql] = [text.sql for text in sql_files("queries") if text.name == name]
    assert sql in [query for _, query, _ in ASKED]
    assert f"`glasshouse sql {name}`" in PAGE


def test_labels_of_pairs_that_are_found_from_either_side_stand_once(labelled: Path):
    with closing(connect(labelled)) as con:
        con.execute("create temp table pairs as from feature_match")
        [question] = [text.sql for text in sql_files("queries") if text.name == DIFFERENT]
        asked = question.replace("from feature_match", "from pairs")
        once = con.execute(asked).fetchall()
        con.execute(
            "insert into pairs by name select * replace (other_recipe_id as recipe_id, recipe_id as other_recipe_id, "
            "other_feature_id as feature_id, feature_id as other_feature_id) from pairs"
        )
        again = con.execute(asked).fetchall()
    assert len(once) == len(again) == 8
    assert {frozenset([row[1:3], row[3:5]]) for row in again} == {frozenset([row[1:3], row[3:5]]) for row in once}


def test_every_score_is_explained():
    rows = {tuple(row) for row in re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)}
    meanings = set(metric_meanings())
    assert not meanings - rows, (
        f"docs/labels.md lacks {sorted(meanings - rows)}: `python -m models.autointerp.scorer` prints the table"
    )
    assert not rows - meanings, f"docs/labels.md says other than the scorers' files: {sorted(rows - meanings)}"
    assert set(SCORES) <= {(scorer, metric) for scorer, metric, _ in rows}
    for name in scorer_names():
        assert scorer_of(name).headline in {*scorer_of(name).metrics, None}


def _columns(con: DuckDBPyConnection, view: str) -> set[str]:
    return {column[0] for column in con.execute(f"from {view} limit 0").description}


def test_every_column_of_a_score_is_explained(labelled: Path):
    named = {name for row in re.findall(r"^\| (`.*?`) \|", PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    with closing(connect(labelled)) as con:
        keys = {"model_id", "recipe_id", "sae_id", "feature_id", "explanation_id"}
        scores = _columns(con, "explanation_score") - keys - {"scorer", "metric"}
        labels = _columns(con, "feature_label") - keys - {"label", "explainer", "llm", "prompt", "status"}
    assert scores | labels <= named
