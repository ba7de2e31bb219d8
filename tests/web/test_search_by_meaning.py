"""Search by meaning on the pages: the nearest labels of one encoder, and a sentence where there is none."""

import pytest
from browser import Compass
from starlette.testclient import TestClient
from synthetic_store import SyntheticStore

from sql.publish import publish
from web.app import app
from web.semantic_search import TextEmbedderProtocol
from web.warehouse_file import WarehouseSnapshot


def searched(visit, text: str, more: str = "&meaning=yes"):
    return visit(f"/search?text={text}{more}").section("semantic_matches")


def test_the_nearest_labels_come_first(visit, ask):
    rows = searched(visit, "whatever").one("table").rows
    wanted = ask("select recipe_id, feature_id, similarity from find_features(null, [1.0, 0.0])")
    assert len(wanted) == 10
    assert [row[0].text for row in rows] == [f"demo/{row.recipe_id}/{row.feature_id}" for row in wanted]
    assert [float(row[2].values[0]) for row in rows] == [row.similarity for row in wanted]


def test_nothing_is_read_that_nobody_asked_for(visit):
    section = searched(visit, "def", "")
    assert section.one("a").attributes["href"] == "?text=def&meaning=yes#semantic_matches"
    assert not section.all("table")
    assert not searched(visit, "").all("a"), "no text has no meaning to look for"


def test_where_no_label_was_read_there_is_nothing_to_click(tmp_path, read):
    store = SyntheticStore(str(tmp_path))
    store.write_model("demo")
    store.write_sae("demo", "mid", labels=False, codes=False)
    publish(tmp_path / "warehouse.duckdb", store.stored)
    pages = TestClient(app(tmp_path / "warehouse.duckdb", embedder=Compass()))
    section = read(pages.get("/search?text=def").text).section("semantic_matches")
    assert "The meaning of no label is known: name a sentence_encoder in a recipe" in section.text
    assert not section.all("a")


def test_labels_that_another_encoder_read_are_left_out(visit):
    section = searched(visit, "<elsewhere>")
    assert "0 features, most similar first, as north/compass reads" in section.text
    assert "No label was embedded by it" in section.text


def test_without_a_text_no_feature_is_looked_for(visitor, monkeypatch):
    """Every label contains the empty text: asked about it, a large warehouse would be read whole."""
    asked, ask = [], WarehouseSnapshot.ask
    monkeypatch.setattr(
        WarehouseSnapshot, "ask", lambda self, query, values: asked.append(query.name) or ask(self, query, values)
    )
    assert visitor.get("/search?text=&meaning=yes&examples=yes").status_code == 200
    assert sorted(set(asked)) == ["encoders", "saes"]


@pytest.mark.parametrize(
    ("embedder", "text", "sentence"),
    [
        (None, "def", "these pages were started without an encoder: start them with `glasshouse serve`"),
        (Compass(), "nowhere", "there is <b>no</b> way there"),
    ],
)
def test_why_there_is_no_meaning_is_said(
    warehouse, read, embedder: TextEmbedderProtocol | None, text: str, sentence: str
):
    answer = TestClient(app(warehouse, embedder=embedder)).get(f"/search?text={text}&meaning=yes")
    assert answer.status_code == 200
    page = read(answer.text)
    assert page.section("semantic_matches").one("p", role="status").text == sentence
    assert page.section("text_matches").one("p", role="status"), "the search by text is answered all the same"
