"""Two dictionaries side by side: both columns are what each page says, and features are matched by direction."""

import pytest
from patched_synthetic_store import patch_synthetic_store
from starlette.testclient import TestClient
from synthetic_codes import WORDS
from synthetic_store import SyntheticStore

from sql.publish import publish
from web.app import app


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> TestClient:
    """demo/mid and demo/late, both labelled, and the same recipe on another model; mid's labels are late's, but one."""
    home = tmp_path_factory.mktemp("two")
    store = SyntheticStore(str(home))
    for model in ("demo", "other"):
        store.write_model(model)
    store.write_sae("demo", "mid")
    with pytest.MonkeyPatch.context() as patch:
        words = list(WORDS)
        words[4] = " apart"
        patch_synthetic_store(patch, WORDS=words)
        store.write_sae("demo", "late", codes=False)
        store.write_sae("other", "mid", seed=2, labels=False, codes=False)
    publish(home / "warehouse.duckdb", store.stored)
    return TestClient(app(home / "warehouse.duckdb"))


@pytest.fixture(scope="module")
def compared(two, read):
    return lambda a, b: read(two.get(f"/compare?a={a}&b={b}").text)


def test_both_columns_are_what_each_page_says(two, compared, read):
    rows = {row[0].text: row[1:] for row in compared("demo/mid", "other/mid").section("metrics").rows}
    for place, address in enumerate(("/sae/demo/mid", "/sae/other/mid")):
        page = read(two.get(address).text)
        facts = page.section("summary").facts
        assert rows["features"][place].values == facts["features"]
        assert [rows["dead features"][place].values, rows["dead fraction"][place].values] == [
            [value] for value in facts["dead"]
        ]
        for measured in page.section("metrics").rows:
            name = f"{measured[0].text} [{measured[2].text}], {measured[3].text}"
            assert rows[name][place].values == measured[1].values
    assert rows["features"][2].values == ["0"]
    assert rows["labelled"][1].values == [], "other/mid has no labels"
    assert rows["labelled"][2].values == []


def test_histograms_stand_side_by_side(two, compared, read):
    plots = compared("demo/mid", "other/mid").section("densities").all("svg")
    alone = [read(two.get(f"/sae/{name}").text).section("densities").one("svg") for name in ("demo/mid", "other/mid")]
    assert [plot.text for plot in plots] == [plot.text for plot in alone]


def test_features_found_again_under_another_label_are_listed(compared):
    """Feature f of mid is found again as f + 1; labels of the two differ wherever f and f + 1 do."""
    section = compared("demo/mid", "demo/late").section("matches")
    shown = [(row[0].text, row[2].text) for row in section.rows]
    # Mutual: every third; above 0.7: the odd ones; 3 and 9, whose labels are those of other words.
    assert shown == [("3", "4"), ("9", "10")]
    assert [row[1].text for row in section.rows] == ["tokens like int", "tokens like import"]
    assert section.rows[0][3].text == "tokens like apart"
    assert section.rows[0][5].one("a").attributes["href"] == "/compare?a=demo%2Fmid%2F3&b=demo%2Flate%2F4"


def test_dictionaries_of_two_models_are_not_matched_and_it_says_why(compared):
    section = compared("demo/mid", "other/mid").section("matches")
    assert "The two read different models" in section.text
    assert not section.rows


def test_a_dictionary_alone_offers_the_others_the_same_recipe_first(two, read):
    links = read(two.get("/compare?a=demo/mid").text).one("ul", **{"class": "near"}).all("a")
    assert [link.text for link in links] == ["other/mid", "demo/late"]
    for link in links:
        assert two.get(link.attributes["href"]).status_code == 200


def test_a_dictionary_beside_itself_differs_in_nothing(compared):
    rows = compared("demo/mid", "demo/mid").section("metrics").rows
    assert {value for row in rows for value in row[3].values} <= {"0", "0.0"}
