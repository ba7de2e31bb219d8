"""Features by the text of their examples: what a plain reading of the rows finds, a bounded part at a time."""

from types import SimpleNamespace
from urllib.parse import quote

import pytest

from web import example_search
from web.example_search import search_examples

SAE = SimpleNamespace(model_id="demo", recipe_id="mid", n_features=12)


def plainly(ask, text: str) -> dict[int, int]:
    """How many windows of each feature contain the text, by Python."""
    rows = ask("from example where model_id = 'demo' and recipe_id = 'mid' and kind <> 'control'")
    found: dict[int, int] = {}
    for row in rows:
        if text.lower() in "".join(row.tokens).lower():
            found[row.feature_id] = found.get(row.feature_id, 0) + 1
    return dict(sorted(found.items()))


@pytest.mark.parametrize("text", ["def", "x = DEF(1", "=  return", "\n", "(1)", "%", "_", "nowhere", "'"])
def test_a_text_is_found_where_the_windows_contain_it(visit, ask, text):
    wanted = plainly(ask, text)
    section = visit(f"/sae/demo/mid?example={quote(text)}").section("features")
    links = [hit.one("a").attributes["href"] for hit in section.all("p", **{"class": "hit"})]
    assert links == [f"/sae/demo/mid/{feature}" for feature in wanted]
    said = next(p.text for p in section.all("p", **{"class": "key"}))
    assert said.startswith(f"{len(wanted)} feature")
    assert "found in 12 of 12" in said
    assert "cut off" not in said


@pytest.fixture
def counted(ask):
    """Asks as a page does, with a small step, and counts."""
    asked = []

    def one(query: str, stretches: list[tuple[int, int]], **given):
        assert query == "example_text"
        asked.extend(stretches)
        return [ask(example_search_sql(), {**given, "first": first, "last": last}) for first, last in stretches]

    return one, asked


def example_search_sql() -> str:
    from web.query_files import queries

    return queries()["example_text"].sql


def test_looking_on_finds_each_feature_once(counted, ask, monkeypatch):
    one, _ = counted
    monkeypatch.setattr(example_search, "STEP", 5)
    monkeypatch.setattr(example_search, "MOST_FEATURES", 4)
    start, found, rounds = 0, {}, 0
    while start < 12:
        some = search_examples(start, SAE, "(1)", one)
        assert len(some.windows) <= 4
        assert not found.keys() & some.windows.keys()
        found |= {feature: len(windows) for feature, windows in some.windows.items()}
        assert some.next > start
        start, rounds = some.next, rounds + 1
    assert found == plainly(ask, "(1)")
    assert rounds > 1, "cut off at least once"


def test_windows_beyond_the_most_are_not_lost(counted, ask, monkeypatch):
    one, _ = counted
    monkeypatch.setattr(example_search, "MOST_WINDOWS", 10)
    some = search_examples(0, SAE, "(1)", one)
    assert {feature: len(windows) for feature, windows in some.windows.items()} == plainly(ask, "(1)")


def test_after_its_time_it_stops_and_says_how_far_it_came(counted, monkeypatch):
    one, asked = counted
    monkeypatch.setattr(example_search, "STEP", 3)
    monkeypatch.setattr(example_search, "AT_ONCE", 2)
    some = search_examples(0, SAE, "nowhere", one, seconds=-1)
    assert (some.first, some.next, some.is_whole) == (0, 6, False)
    assert asked == [(0, 2), (3, 5)]


@pytest.mark.parametrize("together", [1, 2, 3, 50])
@pytest.mark.parametrize("most_windows", [3, 10, 100])
def test_however_many_are_asked_at_once_the_same_is_found(counted, ask, monkeypatch, together, most_windows):
    one, _ = counted
    for name, value in {"STEP": 2, "AT_ONCE": together, "MOST_WINDOWS": most_windows}.items():
        monkeypatch.setattr(example_search, name, value)
    some = search_examples(1, SAE, "(1)", one, seconds=60.0)
    wanted = {feature: min(n, most_windows) for feature, n in plainly(ask, "(1)").items() if feature >= 1}
    assert {feature: len(windows) for feature, windows in some.windows.items()} == wanted
    assert some.is_whole


def test_the_sql_of_a_long_search_is_shown_once(visit, monkeypatch):
    monkeypatch.setattr(example_search, "STEP", 2)
    monkeypatch.setattr(example_search, "AT_ONCE", 1)
    shown = visit("/sae/demo/mid?example=nowhere").section("features").one("details", **{"class": "sql"})
    codes = [code.text for code in shown.all("code")]
    assert codes.count(example_search_sql()) == 1
    assert {"$first = 0", "$last = 11"} <= set(codes)


def test_a_page_that_was_cut_off_leads_on(visit, monkeypatch):
    monkeypatch.setattr(example_search, "MOST_FEATURES", 2)
    section = visit("/sae/demo/mid?example=(1)&sort=density").section("features")
    [key] = section.all("p", **{"class": "key"})
    assert "cut off there" in key.text
    onward = visit("/sae/demo/mid" + key.one("a").attributes["href"]).section("features")
    assert [hit.one("a").text for hit in onward.all("p", **{"class": "hit"})] == ["Feature 2", "Feature 3"]


def test_every_dictionary_is_looked_through_when_asked(visit):
    offered = visit("/search?text=def").section("examples")
    assert not offered.all("p", **{"class": "hit"})
    section = visit("/search" + offered.one("a").attributes["href"]).section("examples")
    assert [head.text for head in section.all("h3")] == ["demo/late", "demo/mid"]
    assert {hit.one("a").attributes["href"] for hit in section.all("p", **{"class": "hit"})} == {
        f"/sae/demo/{recipe}/{feature}" for recipe in ("late", "mid") for feature in (0, 10)
    }


@pytest.mark.parametrize("start", ["12", "999999999", "-1", "x"])
def test_a_start_that_is_not_there_is_no_mistake_of_ours(visit, start):
    visit(f"/sae/demo/mid?example=def&start={start}")
