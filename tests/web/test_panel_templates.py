"""A panel asks with the page's own values what the first line of its template declares, neither more nor less."""

from collections import defaultdict

import pytest

from web.panel_queries import QueryRecorder
from web.panel_templates import FOLDER, declared_queries, environment, templates
from web.warehouse_file import WarehouseSnapshot

PAGES = {
    "home": ["/"],
    "search": ["/search?text=def&meaning=yes&examples=yes"],
    "sae": ["/sae/demo/mid?label=def&example=def&sort=label", "/sae/demo/late"],
    "feature": ["/sae/demo/mid/0", "/sae/demo/mid/11", "/sae/demo/late/3"],
    "map": ["/sae/demo/mid/map?cluster=1", "/sae/demo/late/map"],
    "dictionaries": ["/compare?a=demo/mid&b=demo/late"],
    "text": ["/model/demo/text"],
    "list": ["/list/words"],
    "model": ["/model/demo"],
    "experiments": ["/experiments"],
    "experiment": ["/experiments/demo/asked"],
    "graph": ["/experiments/demo/asked/graph/0"],
}


def test_every_folder_of_panels_is_visited():
    of_vision_models = {"image"}  # tests/pipelines/runs/test_vision_chain.py
    assert PAGES.keys() | of_vision_models == {folder.name for folder in (FOLDER / "panels").iterdir()}


@pytest.mark.parametrize("page", PAGES)
def test_panels_ask_what_they_declare(visit, monkeypatch, page):
    used, ask = defaultdict(set), QueryRecorder.ask

    def recorded(self, name, **more):
        if not more:
            used[self._declared].add(name)
        return ask(self, name, **more)

    monkeypatch.setattr(QueryRecorder, "ask", recorded)
    for address in PAGES[page]:
        visit(address)
    for name, template in templates(page):
        declared = declared_queries(template)
        assert used[declared] == set(declared), f"{page}/{name}"


@pytest.mark.parametrize("page", ["home", "sae", "feature"])
def test_declared_queries_are_answered_before_the_first_panel_is_rendered(visit, monkeypatch, page):
    together, later = [], []
    ask_together, ask = WarehouseSnapshot.ask_together, QueryRecorder.ask

    def first(self, questions):
        questions = list(questions)
        if not later:
            together.extend(query.name for query, _ in questions)
        return ask_together(self, questions)

    monkeypatch.setattr(WarehouseSnapshot, "ask_together", first)
    monkeypatch.setattr(QueryRecorder, "ask", lambda self, name, **more: later.append(name) or ask(self, name, **more))
    visit(PAGES[page][0])
    assert {name for _, template in templates(page) for name in declared_queries(template)} <= set(together)


def test_a_query_that_is_not_declared_is_refused(warehouse):
    recorder = QueryRecorder(WarehouseSnapshot(warehouse), {}, declared=["models"])
    assert recorder.ask("models")
    with pytest.raises(
        ValueError, match=r"asks saes with the page's own values and declares models: name it in the fi"
    ):
        recorder.ask("saes")


def test_a_declaration_of_no_query_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "10_wrong.html").write_text('{# asks: models, nothing_like_it #}\n{% set title = "x" %}\n')
    monkeypatch.setattr(environment().loader, "searchpath", [tmp_path])
    with pytest.raises(ValueError, match=r"10_wrong.html asks nothing_like_it: name files of web/queries"):
        declared_queries(environment().get_template("10_wrong.html"))
