"""The pages of methods tell the truth: their Python runs, cards are cards, queries run."""

import io
import re
from contextlib import closing, redirect_stdout
from pathlib import Path

import duckdb
import pytest

from models.experiments.settings_base import method_names
from pipelines.registry.cards import read_card
from pipelines.registry.experiment_cards import ExperimentCore
from sql.views import define_views
from sql.warehouse import define

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("interventions.md", "concepts.md", "whole-models.md", "optimised-images.md")
PAGES = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in NAMES}
PAGE = PAGES["interventions.md"]


def fenced(language: str) -> list[str]:
    found = (re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE) for page in PAGES.values())
    return [block for of_page in found for block in of_page]


PROGRAMS = fenced("python")


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_every_program_runs_on_the_bundled_model(number: int, monkeypatch: pytest.MonkeyPatch):
    """Each with names of its own, in this process: to start one takes longer than what most of them do."""
    monkeypatch.chdir(ROOT)
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(PROGRAMS[number], f"program {number} of the pages", "exec"), {"__name__": "__main__"})
    assert printed.getvalue().strip(), "a program prints what it found"


def test_every_card_is_one_and_every_method_has_one():
    cards = [read_card(ExperimentCore, "interventions.md", text) for text in fenced("yaml")]
    assert sorted({card.method for card in cards}) == list(method_names())
    for card in cards:
        registries = (ROOT / "registry", *(ROOT / "examples" / name for name in ("efficientnet_lite0", "smollm2")))
        places = [registry / name for registry in registries for name in ("prompt_sets", "text_sets")]
        names_no_set = card.prompt_set is None  # a method that asks about units alone
        assert names_no_set or any((place / f"{card.prompt_set}.yaml").exists() for place in places), card.prompt_set


def test_every_query_runs_on_an_empty_warehouse():
    with closing(duckdb.connect()) as con:
        define(con)
        define_views(con)
        for query in fenced("sql"):
            assert con.execute(query).fetchall() == [], query


def test_twenty_questions_across_methods_have_a_query_and_an_answer_in_numbers():
    questions = re.split(r"^\d+\\\. ", PAGE.split("## Questions across methods")[1], flags=re.MULTILINE)[1:]
    assert len(questions) == 20
    for question in questions:
        asked, query, answer = re.split(r"^```(?:sql)?$", question, flags=re.MULTILINE)[:3]
        assert asked.strip().endswith("?"), asked
        assert query.strip(), asked
        assert re.search(r"\d[^\n]*", answer), asked


def test_twenty_questions_of_concepts_are_numbered_queries_with_answers():
    section = PAGES["concepts.md"].split("## Twenty questions")[1]
    found = re.findall(r"^-- (\d+)\. [^\n]*\?$.*?^```$\n(.*?)(?=^```sql$|\Z)", section, re.DOTALL | re.MULTILINE)
    assert [int(number) for number, _ in found] == list(range(1, 21))
    for number, answer in found:
        assert re.search(r"\d|None|No shipped card", answer), number
