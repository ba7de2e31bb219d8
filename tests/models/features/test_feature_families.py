"""Planted families are found and noise stays out; planted trees too, and what was absorbed is told by the vectors."""

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from models.features.feature_families import _chains, chance_cosine, feature_families
from models.features.feature_families_config import FeatureFamilySettings
from models.features.feature_parents import feature_parents
from models.features.firings import Firings

SETTINGS = FeatureFamilySettings()
N_TOKENS, LENGTH = 40_000, 100


def planted_families(chance: torch.Generator) -> tuple[torch.Tensor, np.ndarray]:
    """The reference's: 30 families of 12 rows at a mean cosine of .60, and 240 random rows, of width 128."""
    centre, noise = torch.randn(30, 1, 128, generator=chance), torch.randn(30, 12, 128, generator=chance)
    unit = torch.nn.functional.normalize
    rows = unit(unit(centre, dim=2) * 0.6**0.5 + unit(noise, dim=2) * 0.4**0.5, dim=2).flatten(0, 1)
    family = np.repeat(np.arange(30), 12)
    order = torch.randperm(600, generator=chance)
    every = torch.cat([rows, unit(torch.randn(240, 128, generator=chance), dim=1)])[order]
    return every, np.concatenate([family, np.full(240, -1)])[order.numpy()]


def test_planted_families_are_found_and_random_directions_left_out():
    """The reference: mutual neighbors alone an index of .917, HDBSCAN 1.000, all noise left out by both."""
    rows, family = planted_families(torch.Generator().manual_seed(0))
    found = feature_families(rows, np.zeros(600, bool), SETTINGS)
    there = family >= 0
    assert (found.family_F[~there] == -1).all()
    assert len(set(found.family_F[there])) == 30, set(found.family_F[there])
    assert adjusted_rand_score(family[there], found.family_F[there]) > 0.98
    sizes = np.bincount(found.family_F[found.family_F >= 0])
    assert (np.diff(sizes) <= 0).all(), "the largest comes first"
    assert np.nanmin(found.score_F[there]) > 0.6


def test_dead_features_and_random_dictionaries_have_no_family():
    rows, family = planted_families(torch.Generator().manual_seed(1))
    dead = family == 3
    assert (feature_families(rows, dead, SETTINGS).family_F[dead] == -1).all()
    for n, width in ((2_000, 64), (600, 256)):
        random = torch.randn(n, width, generator=torch.Generator().manual_seed(2))
        assert (feature_families(random, np.zeros(n, bool), SETTINGS).family_F == -1).all(), (n, width)
    nearest = torch.nn.functional.normalize(torch.randn(2_000, 64, generator=torch.Generator().manual_seed(3)), dim=1)
    cosines = (nearest @ nearest.T).fill_diagonal_(-1).max(1).values
    assert float(cosines.median()) == pytest.approx(chance_cosine(2_000, 64), abs=0.01)


def planted_tree(silenced: list[tuple[int, int]]) -> tuple[torch.Tensor, Firings, set[tuple[int, int]]]:
    """Six features with two children each, with three of their own each, and 40 others; edges child to parent.

    A parent fires wherever a child does and elsewhere, but where it is `silenced` on that child.
    """
    chance = np.random.default_rng(0)
    edges = {(6 + n, n // 2) for n in range(12)} | {(18 + n, 6 + n // 3) for n in range(36)}
    fires = np.zeros((94, N_TOKENS), bool)
    fires[18:54] = chance.random((36, N_TOKENS)) < 0.01
    for parents, own in ((range(6, 18), 0.02), (range(6), 0.03)):
        for parent in parents:
            fires[parent] = chance.random(N_TOKENS) < own
            for child in (child for child, of in edges if of == parent):
                fires[parent] |= fires[child]
    for child, parent in silenced:
        fires[parent] &= ~fires[child]
    fires[54:] = chance.random((40, N_TOKENS)) < 0.02
    rows = torch.randn(94, 128, generator=torch.Generator().manual_seed(0))
    rows = torch.nn.functional.normalize(rows, dim=1)
    for child, parent in sorted(edges):
        rows[child] = torch.nn.functional.normalize(0.55 * rows[parent] + 0.83 * rows[child], dim=0)
    feature_M, token_M = np.nonzero(fires)
    acts_M = np.ones(len(feature_M), np.float32)
    places = (token_M // LENGTH, (token_M % LENGTH).astype(np.int32))
    firings = Firings(feature_M.astype(np.int32), *places, acts_M, 94, N_TOKENS, 0, N_TOKENS // LENGTH - 1)
    return rows, firings, edges


def test_planted_trees_are_found_without_a_false_edge():
    rows, firings, edges = planted_tree([])
    found = list(feature_parents(lambda: [firings], rows, N_TOKENS, SETTINGS))
    assert {(edge.child, edge.parent) for edge in found if edge.kind == "cofire"} == edges
    assert not [edge for edge in found if edge.kind == "absorbed"]
    assert all(edge.share == 1 and edge.lift > 2 for edge in found)


def test_what_a_child_absorbed_is_told_by_the_vectors_alone():
    silenced = [(18, 6), (25, 8), (40, 13)]
    rows, firings, edges = planted_tree(silenced)
    found = list(feature_parents(lambda: [firings], rows, N_TOKENS, SETTINGS))
    by_firing = {(edge.child, edge.parent) for edge in found if edge.kind == "cofire"}
    assert by_firing & edges == edges - set(silenced)
    assert {(edge.child, edge.parent) for edge in found if edge.kind == "absorbed"} == set(silenced)
    assert {edge.share for edge in found if edge.kind == "absorbed"} == {0.0}


def test_shuffled_tokens_have_no_tree():
    rows, firings, _ = planted_tree([])
    order = np.random.default_rng(1).permutation
    shuffled = np.concatenate(
        [np.sort(order(N_TOKENS)[: (firings.features_M == feature).sum()]) for feature in range(94)]
    )
    places = (shuffled // LENGTH, (shuffled % LENGTH).astype(np.int32))
    moved = Firings(firings.features_M, *places, firings.acts_M, 94, N_TOKENS, 0, firings.last_context)
    assert not list(feature_parents(lambda: [moved], rows, N_TOKENS, SETTINGS))


def test_neighbors_have_to_find_each_other():
    """A hub is near to eight rows that are far from each other: two of them are among its own nearest."""
    spokes = torch.cat([torch.linspace(0.7, 0.77, 8)[:, None], torch.eye(8)], dim=1)
    hub = torch.nn.functional.normalize(torch.eye(9)[:1], dim=1)
    chain_F = _chains(torch.nn.functional.normalize(torch.cat([hub, spokes]), dim=1), 2, 0.5)
    assert sorted(np.bincount(chain_F).tolist()) == [1] * 6 + [3]


def test_who_is_like_one_member_alone_stays_out_and_two_are_no_family():
    """Cosines of .7, .65 and 0: the third is like the second, and no mean of the family."""
    rows = torch.tensor([[1.0, 0.0, 0.0], [0.7, 0.714, 0.0], [0.0, 0.91, 0.414]])
    pairs = FeatureFamilySettings(least_cosine=0.5, fewest_members=2)
    assert feature_families(rows, np.zeros(3, bool), pairs).family_F.tolist() == [0, 0, -1]
    threes = FeatureFamilySettings(least_cosine=0.5, fewest_members=3)
    assert feature_families(rows, np.zeros(3, bool), threes).family_F.tolist() == [-1] * 3


def test_what_fires_everywhere_or_hardly_more_often_is_no_parent_and_a_rare_absence_says_nothing():
    spans = [set(range(1000)) - set(range(0, 1000, 20)), range(100), range(109)]
    spans += [range(300, 330), range(400, 500), range(500, 900)]
    places = [(feature, token) for feature, span in enumerate(spans) for token in sorted(span)]
    feature_M, token_M = np.array(places).T
    where = (token_M // LENGTH, (token_M % LENGTH).astype(np.int32))
    acts_M = np.ones(len(places), np.float32)
    firings = Firings(feature_M.astype(np.int32), *where, acts_M, 6, 1000, 0, 9)
    rows = torch.zeros(6, 8)
    rows[:3, 5:] = torch.eye(3)
    rows[3:, :3] = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.436, 0.0], [0.5, -0.3, 0.812]])
    [edge] = feature_parents(lambda: [firings], rows, 1000, SETTINGS)
    # Of 30 and 400 firings 12 are due together, of 30 and 100 three: too few to miss, however alike they point.
    assert (edge.child, edge.parent, edge.kind, edge.share, edge.lift) == (3, 5, "absorbed", 0, 0)
    assert edge.cosine == pytest.approx(0.5, abs=0.01)
