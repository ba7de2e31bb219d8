"""Clusters of the map are named by the words that their labels have more often than others', or by nothing."""

from contextlib import closing

import pytest
from synthetic_store import SyntheticStore

from sql.publish import publish
from sql.warehouse import connect

KEYS = {"model_id": "demo", "recipe_id": "mid"}
LABELS = {
    **dict.fromkeys((0, 1, 2), "Rivers of Europe"),
    **dict.fromkeys((3, 4, 5, 6, 10), "`for` in code of Python"),
    **dict.fromkeys((7, 8, 9), "unclear, often `zebra`"),
    11: "code",
}
CLUSTER = {**dict.fromkeys((0, 1, 2), 0), **dict.fromkeys((3, 11), 2), **dict.fromkeys((7, 8, 9), 1)}
"""Three clusters; the others stand in none."""


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    place = tmp_path_factory.mktemp("map")
    store = SyntheticStore(str(place))
    store.write_model("demo")
    store.write_sae("demo", "mid", labels=False)
    store.write(
        "explanation",
        KEYS,
        [
            {
                "explanation_id": f"label-{feature}",
                "feature_id": feature,
                "explainer": "lexical",
                "label": label,
                "status": "ok",
                "n_examples": 1,
                "input_tokens": 0,
                "output_tokens": 0,
                "cost_usd": 0.0,
            }
            for feature, label in LABELS.items()
        ],
    )
    rows = [{"feature_id": f, "x": f / 100, "y": 0.0, "cluster_id": CLUSTER.get(f)} for f in LABELS]
    store.write("feature_map", KEYS, rows, made_from="again")
    publish(place / "warehouse.duckdb", store.stored)
    with closing(connect(place / "warehouse.duckdb")) as con:
        query = "select cluster_id, name, n_features, n_labelled, x from feature_map_cluster order by cluster_id"
        return con.execute(query).fetchall()


def test_a_name_is_the_words_that_others_lack(clusters):
    """Of nine labels that say something, three have rivers and Europe, and all three stand here; `of` is everywhere."""
    assert clusters[0] == (0, "europe, rivers", 3, 3, pytest.approx(0.01))


def test_words_of_too_few_features_name_nothing(clusters):
    assert clusters[2] == (2, None, 2, 2, pytest.approx(0.07))


def test_labels_that_are_unclear_name_nothing(clusters):
    assert clusters[1] == (1, None, 3, 0, pytest.approx(0.08))
