"""The map of features: planted groups of directions are found; how true it is, a count by brute force says too."""

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from models.features.feature_map import feature_map
from models.features.feature_map_config import FeatureMapSettings
from models.features.map_clusters import clusters
from models.features.map_quality import kept_by_chance, neighbors_kept

GROUPS, MEMBERS, WIDTH = 12, 40, 32
ALIVE = np.zeros(GROUPS * MEMBERS, bool)


def planted(seed: int = 0, noise: float = 0.12) -> tuple[torch.Tensor, np.ndarray]:
    """Directions around random centres, in random order, and the group of each; lengths differ and say nothing."""
    draw = np.random.default_rng(seed)
    group_F = draw.permutation(np.arange(GROUPS).repeat(MEMBERS))
    centre_GD = draw.standard_normal((GROUPS, WIDTH)) / WIDTH**0.5
    direction_FD = centre_GD[group_F] + noise * draw.standard_normal((len(group_F), WIDTH))
    length_F1 = draw.uniform(0.1, 10, (len(group_F), 1))
    return torch.from_numpy(direction_FD * length_F1).float(), group_F


def column(table, name: str) -> np.ndarray:
    return np.array(table.column(name).to_pylist())


def quality(made) -> dict:
    [row] = made.quality.to_pylist()
    return row


@pytest.fixture(scope="module")
def made():
    return feature_map(planted()[0], ALIVE, FeatureMapSettings())


def test_planted_groups_are_the_clusters(made):
    found = [-1 if cluster is None else cluster for cluster in made.feature.column("cluster_id").to_pylist()]
    assert adjusted_rand_score(planted()[1], found) > 0.9
    assert quality(made)["n_clusters"] == GROUPS
    assert quality(made)["n_clustered"] == sum(cluster >= 0 for cluster in found)


def test_directions_without_groups_are_no_clusters_of_the_truth():
    """The same arithmetic finds nothing of a grouping that the directions do not have."""
    made = feature_map(torch.randn(480, WIDTH, generator=torch.manual_seed(1)), ALIVE, FeatureMapSettings())
    found = [-1 if cluster is None else cluster for cluster in made.feature.column("cluster_id").to_pylist()]
    assert abs(adjusted_rand_score(planted()[1], found)) < 0.1


def test_the_share_of_neighbors_kept_is_what_counting_says(made):
    unit_FD = planted()[0].double().numpy()
    unit_FD /= np.linalg.norm(unit_FD, axis=1, keepdims=True)
    place_FP = np.stack([column(made.feature, "x"), column(made.feature, "y")], axis=1).astype(np.float64)
    near = np.argsort(-(unit_FD @ unit_FD.T) + 9 * np.eye(len(unit_FD)), axis=1)[:, :10]
    far = ((place_FP[:, None] - place_FP[None]) ** 2).sum(axis=2) + 99 * np.eye(len(unit_FD))
    kept = np.mean([len({*a} & {*b}) / 10 for a, b in zip(near, np.argsort(far, axis=1)[:, :10], strict=True)])
    row = quality(made)
    assert row["neighbors_kept"] == pytest.approx(kept, abs=2e-3)
    assert row["neighbors_kept_by_chance"] == pytest.approx(10 / 479)
    assert row["neighbors_kept"] > row["neighbors_kept_by_pca"] > 2 * row["neighbors_kept_by_chance"]
    assert (row["method"], row["n_features"], row["n_neighbors"]) == ("tsne", 480, 10)


def test_places_by_chance_keep_what_chance_keeps():
    draw = np.random.default_rng(0)
    ids_FK = np.stack([draw.permutation(399)[:10] for _ in range(400)])
    ids_FK += ids_FK >= np.arange(400)[:, None]
    kept = neighbors_kept(draw.random((400, 2)), ids_FK)
    assert kept == pytest.approx(kept_by_chance(400, 10), abs=0.01)


def test_the_same_directions_give_the_same_map(made):
    again = feature_map(planted()[0], ALIVE, FeatureMapSettings())
    assert again.feature.equals(made.feature)
    assert again.quality.equals(made.quality)
    assert not feature_map(planted()[0], ALIVE, FeatureMapSettings(seed=1)).feature.equals(made.feature)


def test_features_that_never_fired_or_point_nowhere_have_no_place():
    directions, dead = planted()[0].clone(), ALIVE.copy()
    directions[7], dead[[3, 11]] = 0, True
    made = feature_map(directions, dead, FeatureMapSettings(iterations=10))
    assert {*range(480)} - {*made.feature.column("feature_id").to_pylist()} == {3, 7, 11}


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 6, 11])
def test_a_map_of_few_features_is_a_map(n):
    made = feature_map(planted()[0][:n], np.zeros(n, bool), FeatureMapSettings())
    row, x = quality(made), column(made.feature, "x")
    assert len(x) == row["n_features"] == n
    assert np.isfinite(x).all()
    assert row["method"] == ("tsne" if n >= 5 else "pca")
    assert (row["neighbors_kept"] is None) == (n < 2)
    assert row["n_neighbors"] == max(0, min(10, n - 1))


def test_directions_that_are_all_one_stand_somewhere():
    made = feature_map(torch.ones(30, 4), np.zeros(30, bool), FeatureMapSettings())
    assert np.isfinite(column(made.feature, "x")).all()
    assert np.abs(column(made.feature, "y")).max() <= 1


def test_clusters_are_numbered_by_size():
    draw = np.random.default_rng(0)
    around = ((0, 15), (10, 60), (-10, 30), (20, 50))
    place_FP = np.concatenate([draw.normal(at, 0.1, (n, 2)) for at, n in around])
    found = np.split(clusters(place_FP, 10), [15, 75, 105])
    assert [np.bincount(part[part >= 0]).argmax() for part in found] == [3, 0, 2, 1]
    assert (clusters(place_FP[:4], 10) == -1).all()
