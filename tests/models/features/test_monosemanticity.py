from typing import Any

import numpy as np
import pytest
from scipy.stats import t

from models.features.firings import Firings
from models.features.image_activations import ImageActivations
from models.features.monosemanticity import monosemanticity


def scored(act_NF: np.ndarray, embedding_ND: np.ndarray) -> Any:
    feature_M, image_M = np.nonzero(act_NF.T)
    acts = ImageActivations(feature_M, image_M, act_NF[image_M, feature_M], act_NF.shape[1], len(act_NF))
    return monosemanticity(acts, embedding_ND)


def by_pairs(act_N: np.ndarray, embedding_ND: np.ndarray, kept: list[int]) -> float:
    """The definition, pair by pair, over the images that are kept; smallest and largest are of all."""
    span = act_N.max() - act_N.min()
    weight = (act_N - act_N.min()) / span if span else np.ones(len(act_N))
    above = below = 0.0
    for n in kept:
        for m in kept:
            if n < m:
                one, other = embedding_ND[n], embedding_ND[m]
                cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
                above += weight[n] * weight[m] * cosine
                below += weight[n] * weight[m]
    return above / below


def test_score_baseline_and_interval_are_those_of_all_pairs_one_by_one():
    draw = np.random.default_rng(0)
    n, embedding = 23, draw.normal(0.4, 1, (23, 5)) * draw.uniform(0.1, 30, (23, 1))
    acts = draw.exponential(size=(n, 4)) * (draw.random((n, 4)) < [0.3, 0.7, 1.0, 1.0])
    acts[:, 2] += 5  # fires everywhere: its smallest is what counts as nothing
    found, everyone = scored(acts, embedding), list(range(n))
    for feature, each in enumerate(found.scores):
        whole = by_pairs(acts[:, feature], embedding, everyone)
        assert each.score == pytest.approx(whole, abs=1e-12)
        without = [by_pairs(acts[:, feature], embedding, [m for m in everyone if m != left]) for left in everyone]
        error = np.sqrt((n - 1) / n * np.square(np.array(without) - np.mean(without)).sum())
        weight = (acts[:, feature] - acts[:, feature].min()) / np.ptp(acts[:, feature])
        half = t.ppf(0.975, weight.sum() ** 2 / (weight**2).sum() - 1) * error / (1 - whole**2)
        assert np.arctanh(each.ci_low) == pytest.approx(np.arctanh(whole) - half)
        assert np.arctanh(each.ci_high) == pytest.approx(np.arctanh(whole) + half)
    assert found.mean_similarity == pytest.approx(by_pairs(np.ones(n), embedding, everyone), abs=1e-12)


def test_planted_groups_show_in_the_score():
    """Images of three groups, alike by .8 within a group: one of them, all, two, and none by chance."""
    draw, n, width = np.random.default_rng(1), 900, 400
    group_N, centre = np.arange(n) % 3, np.eye(width)[:3]
    noise = draw.normal(size=(n, width)) / np.sqrt(width)
    noise[:, :3] = 0
    embedding = np.sqrt(0.8) * centre[group_N] + np.sqrt(0.2) * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    acts = np.zeros((n, 4))
    acts[:, 0] = (group_N == 1) * draw.uniform(1, 2, n)
    acts[:, 1] = 3.0
    acts[:, 2] = (group_N != 1) * draw.uniform(1, 2, n)
    acts[:, 3] = draw.exponential(size=n) * (draw.random(n) < 0.2)
    found = scored(acts, embedding)
    one, every, two, chance = found.scores
    assert found.mean_similarity == pytest.approx(0.8 / 3, abs=0.003)
    assert one.score == pytest.approx(0.8, abs=0.003)
    assert every.score == found.mean_similarity
    assert two.score == pytest.approx(0.4, abs=0.003)
    assert chance.ci_low < found.mean_similarity < chance.ci_high
    assert two.ci_high < one.ci_low
    assert all(each.shuffled == pytest.approx(0.8 / 3, abs=0.02) for each in found.scores)
    assert [each.n_firing for each in found.scores[:3]] == [300, 900, 600]


def test_the_interval_holds_the_score_of_the_population_as_often_as_it_says():
    """Features that fire in 40 of 100 images in the mean, with strengths that differ by much. .93 was measured over
    1,500 worlds."""
    draw, n_features = np.random.default_rng(2), 60

    def world(n: int) -> tuple[np.ndarray, np.ndarray]:
        group_N = draw.integers(0, 3, n)
        embedding = np.eye(8)[group_N] + 0.3 * draw.normal(size=(n, 8)) + 0.2
        prefers_N1 = np.where(group_N == 0, 0.8, 0.2)[:, None]
        return draw.lognormal(size=(n, n_features)) * (draw.random((n, n_features)) < prefers_N1), embedding

    truth = np.mean([each.score for each in scored(*world(5_000)).scores])
    held = [each.ci_low <= truth <= each.ci_high for _ in range(20) for each in scored(*world(100)).scores]
    assert 0.9 < np.mean(held) < 0.97


def test_what_fires_in_no_two_images_has_no_score_and_in_three_no_interval():
    acts = np.zeros((6, 4))
    acts[2, 1] = acts[0, 2] = acts[5, 2] = 1.0
    acts[:3, 3] = 0.5
    none, one, two, three = scored(acts, np.random.default_rng(3).normal(size=(6, 4))).scores
    assert (none.score, one.score, none.shuffled, one.shuffled) == (None, None, None, None)
    assert (none.n_firing, one.n_firing, two.n_firing, three.n_firing) == (0, 1, 2, 3)
    assert two.score is not None
    assert three.score is not None
    assert (two.ci_low, three.ci_low) == (None, None)


def test_an_embedding_that_points_nowhere_is_refused():
    embedding = np.ones((3, 2))
    embedding[1] = 0
    with pytest.raises(ValueError, match="the embedding of image 1, and of 0 others, is zero or not finite"):
        scored(np.ones((3, 1)), embedding)
    with pytest.raises(ValueError, match="1 image was given"):
        scored(np.ones((1, 1)), np.ones((1, 2)))


def test_the_strongest_place_of_an_image_counts_and_images_not_asked_for_do_not():
    def fired(feature, image, act, first, last):
        zeros = np.zeros(len(feature), np.int32)
        return Firings(np.array(feature), np.array(image), zeros, np.array(act, np.float32), 4, 9, first, last)

    codes = [fired([0, 0, 0, 2], [0, 1, 1, 1], [1, 2, 5, 4], 0, 2), fired([0, 1, 2], [4, 3, 4], [3, 9, 7], 3, 4)]
    found = ImageActivations.of(codes, np.array([0, 1, 4]), 4)
    pairs = [(image.tolist(), act.tolist()) for image, act in found.by_feature()]
    assert pairs == [([0, 1, 2], [1, 5, 3]), ([], []), ([1, 2], [4, 7]), ([], [])]
    assert [len(image) for image, _ in ImageActivations.of(codes, np.array([2]), 4).by_feature()] == [0, 0, 0, 0]
