"""Sparse probing of labelled texts: the planted latent is the single one that is chosen, controls tell nothing."""

import dataclasses

import numpy as np
import pytest
import torch
from planted_concepts import codes_of, planted_concept

from models.evaluation.concept_probing import (
    ConceptTask,
    PooledTexts,
    ProbeScore,
    concept_probing,
    in_few_axes,
    tuned_logits,
)
from models.probes.codes_by_feature import strongest


def task_of(y_N: np.ndarray, **others: object) -> ConceptTask:
    """Every fourth text is a test text; groups of two."""
    n = len(y_N)
    is_test_N = np.arange(n) // 2 % 4 == 0
    train = np.flatnonzero(~is_test_N)
    inner = train[train // 2 % 4 != 1], train[train // 2 % 4 == 1]
    return dataclasses.replace(ConceptTask(y_N, np.arange(n) // 2, is_test_N, inner, random_draws=4), **others)


def by_reader(scores: list[ProbeScore]) -> dict[tuple[str, int | None], ProbeScore]:
    return {(score.reads, score.n_latents): score for score in scores if score.metric == "auroc"}


def test_the_planted_latent_is_chosen_where_the_difference_of_means_misses_it():
    latents, y_N, planted = planted_concept(n_latents=2000)
    task = task_of(y_N)
    x_ND = torch.randn(len(y_N), 8, generator=torch.Generator().manual_seed(0))
    found = by_reader(list(concept_probing(PooledTexts(x_ND, latents), task, [1, 16])))
    best = found["chosen_latents", 1]
    assert best.features == (planted,)
    assert best.baseline == 0.5
    assert best.value > 0.9
    assert best.low is not None
    assert best.high is not None
    assert best.low > 0.8
    assert best.high > best.value
    train = latents.at(task.train_M)
    y_M = torch.from_numpy(y_N)[task.train_M][:, None]
    rank = strongest(train.differences(y_M).abs(), latents.n_features)[0].tolist().index(planted)
    assert rank > 30, rank
    assert found["latents_by_difference", 1].value < 0.7
    assert abs(found["raw_activation", None].value - 0.5) < 0.15
    assert abs(found["random_latents", 1].value - 0.5) < 0.05
    shuffled = found["shuffled_labels", 16]
    assert abs(shuffled.value - 0.5) < 0.2
    assert planted not in (shuffled.features or ())[:1]


def test_over_many_shufflings_the_area_is_a_half():
    latents, y_N, _ = planted_concept(n_texts=200, n_latents=300)
    x_ND, areas = torch.zeros(len(y_N), 2), []
    x_ND[:, 0] = torch.arange(len(y_N))
    for seed in range(6):
        found = by_reader(
            list(concept_probing(PooledTexts(x_ND, latents), task_of(y_N, seed=seed, inner=None, random_draws=1), [2]))
        )
        areas.append(found["shuffled_labels", 2].value)
    assert abs(np.mean(areas) - 0.5) < 3 * np.std(areas) / np.sqrt(len(areas)) + 0.02, areas


def test_a_wide_activation_tells_nothing_of_a_label_that_is_noise():
    """As many axes as texts: whatever the probe was fitted on, it has learned by heart."""
    chance = np.random.default_rng(0)
    y_N, x_ND = chance.random(160) < 0.5, torch.from_numpy(chance.normal(size=(160, 120)).astype(np.float32))
    latents = codes_of(chance.random((160, 30)) * (chance.random((160, 30)) < 0.3))
    found = by_reader(list(concept_probing(PooledTexts(x_ND, latents), task_of(y_N), [5])))
    assert abs(found["raw_activation", None].value - 0.5) < 0.2
    assert abs(found["all_latents", 30].value - 0.5) < 0.2


def test_accuracy_stands_beside_the_share_of_the_more_frequent_answer():
    """One text in four has the label, and one latent fires on these alone."""
    y_N = np.random.default_rng(0).permutation(np.arange(400) % 4 == 0)
    texts = PooledTexts(torch.randn(400, 4, generator=torch.Generator().manual_seed(0)), codes_of(1.0 * y_N[:, None]))
    task = task_of(y_N)
    found = {score.reads: score for score in concept_probing(texts, task, [1]) if score.metric == "accuracy"}
    rest = float(1 - y_N[task.is_test_N].mean())
    assert rest > 0.65
    assert {score.baseline for score in found.values()} == {rest}
    assert found["chosen_latents"].value == 1
    assert found["raw_activation"].value == pytest.approx(rest, abs=0.05)


def test_the_penalty_is_the_one_that_does_best_within_training():
    """One axis says the label, 150 are noise: with hardly a penalty the probe learns noise by heart."""
    chance = np.random.default_rng(0)
    y_N = chance.random(240) < 0.5
    x_ND = torch.from_numpy(np.c_[2 * y_N + chance.normal(size=240), chance.normal(size=(240, 150))].astype(np.float32))
    alone = {ridge: tuned_logits(x_ND, task_of(y_N, ridges=(ridge,)), y_N) for ridge in (1e-5, 1.0)}
    sign_M = np.where(y_N[task_of(y_N).is_test_N], 1, -1)
    loss = {ridge: np.logaddexp(0, -sign_M * logit_M).mean() for ridge, logit_M in alone.items()}
    assert loss[1.0] < 0.7 * loss[1e-5], loss
    np.testing.assert_array_equal(tuned_logits(x_ND, task_of(y_N, ridges=(1e-5, 1.0)), y_N), alone[1.0])


def test_all_latents_in_few_axes_are_all_latents():
    latents, y_N, _ = planted_concept(n_texts=120, n_latents=20)
    rotated = in_few_axes(latents)
    dense_NF = latents.columns(torch.arange(20)).double()
    dense_NF = dense_NF[:, dense_NF.std(0) > 0]
    std_F = dense_NF.std(0, correction=0)
    scaled_NF = (dense_NF - dense_NF.mean(0)) / std_F
    torch.testing.assert_close((rotated @ rotated.T).double(), scaled_NF @ scaled_NF.T, atol=2e-3, rtol=1e-4)
    task = dataclasses.replace(task_of(y_N), inner=None, ridges=(0.1,))
    both = [tuned_logits(each, task, y_N, one_space=True) for each in (rotated, scaled_NF.float())]
    np.testing.assert_allclose(both[0], both[1], atol=0.05)


def test_the_interval_is_wider_where_texts_come_in_large_groups():
    """Texts of one group are copies: 100 texts of 10 groups tell as much as 10."""
    chance = np.random.default_rng(0)
    y_N = np.repeat(np.arange(40) % 2 == 0, 10)
    acts_NF = np.repeat(chance.normal(size=(40, 3)) + (np.arange(40) % 2 == 0)[:, None], 10, axis=0).clip(0)
    latents = codes_of(acts_NF)
    is_test_N, width = np.arange(400) % 20 < 10, {}
    is_test_N = np.repeat(np.arange(40) // 2 % 2 == 0, 10)
    for name, group_N in (("groups", np.arange(400) // 10), ("each alone", np.arange(400))):
        task = ConceptTask(y_N, group_N, is_test_N)
        found = by_reader(list(concept_probing(PooledTexts(torch.ones(400, 2), latents), task, [1])))
        score = found["chosen_latents", 1]
        width[name] = (score.high or 0) - (score.low or 0)
    assert width["groups"] > 2 * width["each alone"]


@pytest.mark.parametrize("k", [40, 1000])
def test_as_many_latents_as_there_are_tell_what_all_do(k: int):
    latents, y_N, _ = planted_concept(n_texts=300, n_latents=40)
    found = by_reader(list(concept_probing(PooledTexts(torch.ones(300, 2), latents), task_of(y_N), [k])))
    assert found["chosen_latents", 40].value == pytest.approx(found["all_latents", 40].value, abs=0.03)
