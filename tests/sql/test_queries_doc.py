"""docs/queries.md: every question is answered with the columns that the page shows, and every way in opens the file."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from synthetic_codes import DEAD, LENGTH, N_CONTEXTS, N_FEATURES
from synthetic_store import SyntheticStore

from sql.publish import publish
from sql.warehouse import connect

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
ASKED = [
    pytest.param(int(number), sql, shown, id=f"{number}. {title}")
    for number, title, sql, shown in re.findall(
        r"^## (\d+)\. (.*?)\n.*?```sql\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE
    )
]
SNIPPETS = [*re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)]
NONE_IN_THE_DEMO = {3, 10, 11, 13, 19, 20}
"""Questions of several dictionaries or models, of language models, or of what went wrong: the demo may have none."""
N_TOKENS = N_CONTEXTS * LENGTH
PROBED = {"sparse_probing_k1": 0.7, "sparse_probing_k5": 0.8, "sparse_probing_raw": 0.9, "absorption_rate": 0.125}


def _firings(feature: int) -> set[tuple[int, int]]:
    """Where the planted dictionary fires: the rule of `plant`, again."""
    places = [(context, position) for context in range(N_CONTEXTS) for position in range(LENGTH)]
    return {place for place in places if feature != DEAD and sum(place) % (feature + 2) == 0}


def _most_beside_nine() -> tuple[Any, ...]:
    """Of features that fire where feature 9 does: the one that does so most above chance."""
    found = []
    for other in set(range(N_FEATURES)) - {9, DEAD}:
        together = len(_firings(9) & _firings(other))
        lift = together * N_TOKENS / (len(_firings(9)) * len(_firings(other)))
        if together:
            found.append((other, together, together / len(_firings(9)), pytest.approx(lift)))
    return max(found, key=lambda row: (row[3].expected, row[1], -row[0]))


PLANTED: dict[int, dict[str, Any]] = {
    1: {"sae_id": "other/mid-topk", "l0": 4, "fvu": 0.1, "n_labelled": 10},
    3: {"feature_id": DEAD, "n_tokens": N_TOKENS},
    4: {"feature_id": 0, "density": 0.5, "n_firings": 80, "label": "Function definitions", "top_tokens": ["def"]},
    5: {"feature_id": 9, "share_on_token": 1, "n_examples": 3, "strongest": 2.0, "label": "tokens like import"},
    6: {"kind": "top", "interval_index": None, "activation": 2.0, "text": "x = « import»(1)"},
    7: {"position": 0, "n_features": sum((3, 0) in _firings(feature) for feature in range(N_FEATURES))},
    8: {"feature_id": 0, "other_feature_id": 1, "jaccard": 0.25},
    9: dict(zip(("feature_id", "n_together", "share_of_tokens", "lift"), _most_beside_nine(), strict=True)),
    10: {"recipe_id": "mid-topk", "feature_id": 5, "other_recipe_id": "wide", "children": [3, 2, 1]},
    11: {"label": "Function definitions", "sae_id": "other/mid-topk", "shared_tokens": 1},
    12: {"feature_id": 3, "specificity_mean": 2, "control_rating": 0, "n_ratings": 5},
    13: {"explainer": "lexical", "status": "parse_error", "an_error": "no label in the answer", "features": [1]},
    14: {"top_rating": 3, "low_rating": 1, "n_peak_tokens": 1},
    15: {"feature_id": 9, "token": " import", "rank": 0, "logit_weight": 1.5, "label": "tokens like import"},
    16: {"feature_id": 0, "token": "def", "logit_weight": 1.5},
    17: {"tokens": 0, "recipe_id": "mid-topk", "fvu": 0.5},
    18: {"sae_id": "other/mid-topk", **PROBED, "first_letter_accuracy": None},
    19: {"sae_id": "other/mid-topk", "purpose": "explain", "n_requests": 1, "n_tokens": 1200, "cost_usd": 0.25},
    20: {"sae_id": "pystdlib/mid-new"},
}  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data` in it: two models, and two dictionaries of one of which features split in the other."""
    root = tmp_path_factory.mktemp("questions")
    store = SyntheticStore(str(root / "data"))
    for model_id in ("pystdlib", "other"):
        store.write_model(model_id)
        store.write_sae(model_id, "mid-topk")
    store.write_sae("pystdlib", "wide", seed=3, labels=False)
    narrow, wide = ({"model_id": "pystdlib", "recipe_id": recipe_id} for recipe_id in ("mid-topk", "wide"))
    store.write("feature_match", narrow, [_match("wide", 5, 3, 1.0, 3)])
    children = [_match("mid-topk", child, 5, cosine, 0) for child, cosine in ((1, 0.75), (2, 0.8), (3, 1.0), (4, 0.5))]
    store.write("feature_match", wide, children)
    probed = [
        {"split": "held_out", "metric": metric, "value": value, "unit": "fraction", "n_tokens": 100}
        for metric, value in {**PROBED, "fvu": 0.1, "l0": 4.0, "ce_recovered": 0.98}.items()
    ]
    store.write("sae_metric", {**narrow, "model_id": "other"}, probed)
    registrations = [("pystdlib", "mid-topk", "4" * 64), ("pystdlib", "mid-new", "5" * 64)]
    publish(root / "data" / "warehouse.duckdb", store.stored, registry={"registry_entry": registrations})
    return root


def _match(other: str, feature: int, other_feature: int, cosine: float, n_split_features: int) -> dict[str, Any]:
    return {
        "other_recipe_id": other,
        "feature_id": feature,
        "other_feature_id": other_feature,
        "cosine": cosine,
        "is_mutual": cosine == 1.0,
        "n_split_features": n_split_features,
    }


@pytest.fixture(scope="module")
def con(house: Path) -> Iterator[DuckDBPyConnection]:
    with closing(connect(house / "data" / "warehouse.duckdb")) as connection:
        yield connection


@pytest.fixture(scope="module")
def demo(demo_home: Path) -> Iterator[DuckDBPyConnection]:
    with closing(connect(demo_home / "warehouse.duckdb")) as connection:
        yield connection


def columns_and_rows(con: DuckDBPyConnection, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    answered = con.execute(sql)
    return [column[0] for column in answered.description], answered.fetchall()


def test_the_page_has_twenty_questions_one_query_and_one_answer_each():
    numbers = [asked.values[0] for asked in ASKED]
    assert numbers == list(range(1, 21))
    assert PAGE.count("```sql") == PAGE.count("```text") == 20
    assert PAGE.count("```") == 2 * (20 + 20 + len(SNIPPETS) + 1), (
        "twenty queries, twenty answers, snippets and a shell"
    )


@pytest.mark.parametrize(("number", "sql", "shown"), ASKED)
def test_a_question_has_the_columns_that_the_page_shows_and_the_planted_answer(
    con: DuckDBPyConnection, number: int, sql: str, shown: str
):
    names, rows = columns_and_rows(con, sql)
    assert names == shown.splitlines()[0].split()
    assert rows
    first = dict(zip(names, rows[0], strict=True))
    assert {name: first[name] for name in PLANTED.get(number, {})} == PLANTED.get(number, {})


@pytest.mark.slow
@pytest.mark.parametrize(("number", "sql", "shown"), ASKED)
def test_a_question_is_answered_by_the_demo(demo: DuckDBPyConnection, number: int, sql: str, shown: str):
    names, rows = columns_and_rows(demo, sql)
    assert names == shown.splitlines()[0].split()
    assert rows or number in NONE_IN_THE_DEMO


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_way_in_from_python_runs_as_it_stands(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], snippet: str
):
    monkeypatch.chdir(house)
    exec(compile(snippet, "docs/queries.md", "exec"), {})
    said = capsys.readouterr().out
    assert any(planted in said for planted in ("Function definitions", "sae_id", "feature_id", "recipe_id")), said


def test_the_shell_answers(house: Path):
    [command] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    shell = shutil.which("duckdb", path=f"{Path(sys.executable).parent}:{ROOT / '.venv' / 'bin'}") or shutil.which(
        "duckdb"
    )
    if shell is None:
        pytest.skip("no DuckDB shell here: .venv/bin/pip install duckdb-cli")
    asked = command.replace("duckdb ", f"'{shell}' ", 1)
    said = subprocess.run(asked, shell=True, cwd=house, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert "pystdlib/mid-topk" in said.stdout


def test_a_file_without_its_store_answers_everything_but_the_codes(house: Path, tmp_path: Path):
    shutil.copytree(house / "data" / "tables", tmp_path / "tables")
    store = SyntheticStore(str(tmp_path))
    publish(tmp_path / "warehouse.duckdb", store.stored)
    (tmp_path / "tables").rename(tmp_path / "elsewhere")
    with closing(connect(tmp_path / "warehouse.duckdb")) as con:
        with pytest.raises(duckdb.Error, match=f"{tmp_path}/tables/feature_activation"):
            con.execute("select count(*) from feature_activation")
        lost = []
        for asked in ASKED:
            try:
                con.execute(str(asked.values[1]))
            except duckdb.Error:
                lost.append(asked.values[0])
    assert lost == [7, 9]
