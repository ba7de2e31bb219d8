"""The page of the map and what its script asks for: every point, labels, and what a text finds."""

import struct

import pytest
from starlette.testclient import TestClient
from synthetic_codes import DEAD, N_FEATURES
from synthetic_store import SyntheticStore

from sql.publish import publish
from web.app import app

MAP = "/sae/demo/mid/map"


def columns(content: bytes) -> list[tuple[int, ...]]:
    """Features, x, y and clusters, by the format that the route's docstring promises."""
    [n] = struct.unpack_from("<I", content)
    found = [
        struct.unpack_from(f"<{n}{kind}", content, 4 + n * at) for at, kind in ((0, "I"), (4, "H"), (6, "H"), (8, "I"))
    ]
    assert len(content) == 4 + 12 * n
    return found


def test_every_point_is_sent_where_the_warehouse_has_it(visitor, ask):
    features, xs, ys, clusters = columns(visitor.get(f"{MAP}/points").content)
    rows = ask("from feature_map where recipe_id = 'mid' order by feature_id")
    assert len(rows) == N_FEATURES - 1
    assert features == tuple(row.feature_id for row in rows)
    assert [x / 32767.5 - 1 for x in xs] == pytest.approx([row.x for row in rows], abs=2e-5)
    assert [y / 32767.5 - 1 for y in ys] == pytest.approx([row.y for row in rows], abs=2e-5)
    assert [None if c == 2**32 - 1 else c for c in clusters] == [row.cluster_id for row in rows]


def test_points_that_did_not_change_are_not_sent_again(visitor):
    first = visitor.get(f"{MAP}/points")
    again = visitor.get(f"{MAP}/points", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert visitor.get(f"{MAP}/points", headers={"if-none-match": '"other"'}).status_code == 200


def test_clusters_are_listed_in_words(visit):
    page = visit(MAP)
    links = [row[0].one("a") for row in page.section("clusters").rows]
    assert [link.attributes["href"] for link in links] == [f"{MAP}?cluster=0", f"{MAP}?cluster=1"]
    assert page.section("quality").facts == {
        "t-SNE, as shown": ["0.75"],
        "two principal components": ["0.5"],
        "places by chance": ["0.25"],
    }


def test_features_of_a_cluster_are_links(visit, ask):
    section = visit(f"{MAP}?cluster=1").section("cluster")
    wanted = ask("select feature_id from feature_map where recipe_id = 'mid' and cluster_id = 1")
    assert {row[0].one("a").attributes["href"] for row in section.rows} == {
        f"/sae/demo/mid/{row.feature_id}" for row in wanted
    }


@pytest.mark.parametrize("recipe", ["mid", "late"])
def test_a_pointed_at_feature_has_its_label_or_none(visitor, recipe):
    told = visitor.get(f"/sae/demo/{recipe}/map/labels?features=1,2").json()
    assert told["2"]["label"] == ("tokens like str" if recipe == "mid" else None)
    assert told["1"]["label"] is None, "the attempt at feature 1 failed"
    assert told["2"]["tokens"]


def test_a_text_finds_what_is_on_the_map(visitor):
    assert visitor.get(f"{MAP}/found?text=STR").json() == {"features": [2], "is_whole": True}
    assert visitor.get(f"{MAP}/found?text=nowhere").json() == {"features": [], "is_whole": True}


@pytest.mark.parametrize(
    ("address", "status", "sentence"),
    [
        (f"{MAP}?cluster=2", 404, "2 clusters, numbered from 0"),
        (f"{MAP}?cluster=-1", 404, "no cluster -1"),
        (f"{MAP}?feature={N_FEATURES}", 404, f"no feature {N_FEATURES}"),
        (f"{MAP}/labels?features=1,x", 400, "numbers with commas"),
        (f"{MAP}/labels?features=", 400, "numbers with commas"),
        (f"{MAP}/labels?features={','.join(['1'] * 201)}", 400, "up to 200"),
        (f"{MAP}/found?text=", 400, "1 to 1,000 characters"),
        (f"{MAP}/found?text={'x' * 1001}", 400, "1 to 1,000 characters"),
        ("/sae/demo/none/map", 404, "no dictionary demo/none"),
    ],
)
def test_what_cannot_be_answered_says_why(visitor, address, status, sentence):
    answer = visitor.get(address)
    assert answer.status_code == status
    assert sentence in answer.text


def test_a_dead_feature_has_a_page_of_the_map_and_no_point(visit, visitor):
    assert visit(f"{MAP}?feature={DEAD}").one("div", id="feature-map").attributes["data-feature"] == str(DEAD)
    assert DEAD not in columns(visitor.get(f"{MAP}/points").content)[0]


def pages_of(tmp_path, n: int) -> TestClient:
    """The pages of demo/mid with so many features on its map, in no cluster; with no map where it is none."""
    store, keys = SyntheticStore(str(tmp_path)), {"model_id": "demo", "recipe_id": "mid"}
    store.write_model("demo")
    store.write_sae("demo", "mid", labels=False)
    if n:
        row = {"method": "pca", "n_features": n, "n_neighbors": 0, "n_clusters": 0, "n_clustered": 0}
        store.write("feature_map", keys, [{"feature_id": f, "x": 0.0, "y": 0.0} for f in range(n)], made_from="again")
        store.write("feature_map_quality", keys, [row], made_from="again")
    else:
        for table in ("feature_map", "feature_map_quality"):
            store.folder(table, **keys).remove()
    publish(tmp_path / "warehouse.duckdb", store.stored)
    return TestClient(app(tmp_path / "warehouse.duckdb"))


def test_without_a_map_the_page_says_what_to_materialize(tmp_path):
    answer = pages_of(tmp_path, 0).get(MAP)
    assert answer.status_code == 404
    assert "has no map: materialize `feature_map`" in answer.text


def test_a_map_of_one_feature_is_shown(tmp_path, read):
    pages = pages_of(tmp_path, 1)
    page = read(pages.get(MAP).text)
    assert "A map of fewer than two features says nothing" in page.section("quality").text
    assert not page.section("clusters").all("table")
    assert columns(pages.get(f"{MAP}/points").content) == [(0,), (32768,), (32768,), (2**32 - 1,)]
