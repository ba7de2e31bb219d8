"""Exported pages need nothing but themselves, say what the pages say, and are the same each time."""

import re
from pathlib import Path

import pytest

from web.static_export import export, export_list


def links(page) -> set[str]:
    return {link.attributes["href"] for link in page.all("a")}


def held_alone(text: str, page) -> None:
    """Nothing is loaded, nothing runs, and no address leads to a server."""
    assert not page.all("script")
    assert not page.all("link")
    assert all(image.attributes["src"].startswith("data:image/png;base64,iVBORw0KGgo") for image in page.all("img"))
    assert not re.search(r'(href|src|action)="(/|http)', text)
    assert "url(" not in page.one("style").text
    assert "@import" not in page.one("style").text
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids)), "an id stands for one element"


def test_one_file_holds_the_same_panels_as_the_pages(warehouse, visit, read, tmp_path):
    [file] = export(warehouse, "demo/mid", [3, 0, 11, 3], tmp_path / "some.html")
    text = file.read_text()
    page = read(text)
    held_alone(text, page)
    assert [article.attributes["id"] for article in page.all("article") if "id" in article.attributes] == [
        "feature-3",
        "feature-0",
        "feature-11",
    ]
    for feature in (0, 3, 11):
        for section in visit(f"/sae/demo/mid/{feature}").all("section"):
            assert page.section(f"feature-{feature}-{section.attributes['id']}").text == section.text
    assert {link for link in links(page) if not link.startswith("#feature-")} == set()
    assert "#feature-0" in links(page.section("feature-11-similar_features")), (
        "feature 0 is the neighbour of 11, and is here"
    )


def test_a_folder_has_a_file_for_each_feature_and_an_index(warehouse, visit, read, tmp_path):
    files = export(warehouse, "demo/mid", [3, 4], tmp_path / "some")
    assert [file.name for file in files] == ["index.html", "feature-3.html", "feature-4.html"]
    pages = {file.name: read(file.read_text()) for file in files}
    for file in files:
        held_alone(file.read_text(), pages[file.name])
        assert {tmp_path / "some" / link for link in links(pages[file.name])} <= set(files)
    assert links(pages["index.html"]) == {"feature-3.html", "feature-4.html"}
    assert "tokens like int" in pages["index.html"].text
    assert links(pages["feature-3.html"].section("feature-3-similar_features")) == {"feature-4.html"}
    served = visit("/sae/demo/mid/4").section("similar_features")
    assert pages["feature-4.html"].section("feature-4-similar_features").text == served.text


@pytest.mark.parametrize("out", ["some.html", pytest.param("some", marks=pytest.mark.slow)])
def test_the_same_warehouse_gives_the_same_bytes(warehouse, tmp_path, out):
    first, second = (export(warehouse, "demo/mid", range(12), tmp_path / name / out) for name in ("a", "b"))
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


@pytest.mark.parametrize(
    ("sae", "features", "said"),
    [
        ("demo/mdi", [0], "there is no dictionary 'demo/mdi' in this warehouse: it has demo/late, demo/mid"),
        ("demo", [0], "there is no dictionary"),
        ("demo/mid", [0, 12, -1], "has features 0 to 11, not 12, -1"),
        ("demo/mid", [], "no feature was named"),
    ],
)
def test_what_is_not_there_is_not_written(warehouse, tmp_path, sae, features, said):
    with pytest.raises(ValueError, match=said):
        export(warehouse, sae, features, tmp_path / "some.html")
    assert not list(tmp_path.iterdir())


def test_a_list_is_exported_over_its_dictionaries_in_its_order_with_its_notes(warehouse: Path, tmp_path: Path, read):
    [file] = export_list(warehouse, "words", tmp_path / "words.html")
    page = read(file.read_text())
    assert page.all("h1")[0].text == "Words <of> people"
    assert [article.all("h1")[0].text for article in page.all("article") if "id" in article.attributes] == [
        "demo/mid/3",
        "demo/late/0",
        "demo/mid/11",
    ]
    ids = [element.attributes["id"] for element in page.all("section")]
    assert len(ids) == len(set(ids))
    assert "What fires on words." in page.text
    assert [("the first" in item.text, "it is dead" in item.text) for item in page.one("nav").all("li")] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    index, *files = export_list(warehouse, "words", tmp_path / "words")
    assert [each.name for each in files] == ["feature-1.html", "feature-2.html", "feature-3.html"]
    assert 'href="feature-2.html"' in index.read_text()
    with pytest.raises(ValueError, match="there is no list 'gone' in this warehouse: it has words"):
        export_list(warehouse, "gone", tmp_path / "gone.html")
