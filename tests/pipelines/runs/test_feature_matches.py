"""Two dictionaries of one site are matched both ways, one of another site is not, and the same is never made twice."""

from typing import Any

import dagster as dg
from small_house import RECIPE, small_house

from assets.activations import activations
from assets.context_frame import context_frame
from assets.corpus import corpus
from assets.feature_matches import feature_matches
from assets.sae import sae
from pipelines.store.store import Store

QUICK = RECIPE.replace("16_384", "2_048")


def matched(store: Store, instance: dg.DagsterInstance, recipe_id: str) -> list[dict]:
    """Rows of the partition, made now."""
    chain: list[Any] = [context_frame, corpus, activations, sae, feature_matches]
    ran = dg.materialize(
        chain,
        partition_key=f"first/{recipe_id}",
        instance=instance,
        resources={"store": store},
    )
    assert ran.success
    return store.tables.read("feature_match", store.registration(f"first/{recipe_id}")).to_pylist()


def test_dictionaries_of_one_site_are_matched_whichever_came_first(tmp_path):
    store = small_house(tmp_path, QUICK)
    recipes = tmp_path / "registry" / "recipes"
    (recipes / "wide.yaml").write_text(QUICK.replace("n_features: 64", "n_features: 96"))
    (recipes / "late.yaml").write_text(QUICK.replace("@0.5", "2"))
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sae", [f"first/{name}" for name in ("small", "wide", "late")])
        assert matched(store, instance, "small") == [], "there is no other yet"
        assert matched(store, instance, "late") == [], "the other is of another site"
        there = matched(store, instance, "wide")
        assert [(row["feature_id"], row["other_recipe_id"]) for row in there] == [(f, "small") for f in range(96)]

        back = matched(store, instance, "small")
        assert [(row["feature_id"], row["other_recipe_id"]) for row in back] == [(f, "wide") for f in range(64)]
        mutual = {(row["feature_id"], row["other_feature_id"]) for row in back if row["is_mutual"]}
        assert mutual == {(row["other_feature_id"], row["feature_id"]) for row in there if row["is_mutual"]}
        assert mutual
        assert matched(store, instance, "wide") == there
