"""A multinomial fit has no gradient left, and a probe of a planted mixture is as good as Bayes' rule."""

import numpy as np
import pytest
import torch

from models.probes.group_split import GroupLeak, TooFewGroups, split_by_group
from models.probes.multinomial_probe import fit_multinomial_probe
from models.probes.probe_fit import fit_probe
from models.probes.probe_scores import probe_scores
from models.probes.probe_task import OneSidedLabel, ProbeTask


@pytest.mark.parametrize("ridge", [1e-3, 0.3])
def test_the_gradient_is_zero_by_hand(ridge: float):
    chance = np.random.default_rng(0)
    x = chance.normal(size=(300, 5)) * [1, 10, 0.1, 1, 1] + [0, 50, 3, 0, 0]
    x[:, 4] = x[:, 0] + 1e-3 * x[:, 4]
    y = (x @ chance.normal(size=(5, 3)) * [1, 1, 1] + chance.normal(size=(300, 3)) * 20).argmax(1)
    probe = fit_multinomial_probe(torch.from_numpy(x), torch.from_numpy(y), 3, ridge=ridge, tolerance=1e-9)
    weights, logits = probe.weights_KC.numpy(), x @ probe.weights_KC.numpy() + probe.bias_C.numpy()
    said = np.exp(logits - logits.max(1, keepdims=True))
    excess = said / said.sum(1, keepdims=True) - np.eye(3)[y]
    scaled = (x - x.mean(0)) / x.std(0)
    assert np.abs(excess.mean(0)).max() < 1e-7, "of the biases, which are free"
    assert np.abs(scaled.T @ excess / len(x) + ridge * weights * x.std(0)[:, None]).max() < 1e-7
    assert np.abs(weights).max() > 0.01


def test_on_a_planted_mixture_it_is_as_good_as_bayes_and_the_control_is_at_chance():
    chance = torch.Generator().manual_seed(0)
    mean_CD = torch.randn(8, 64, generator=chance) * 0.62
    class_N = torch.randint(0, 8, (3000,), generator=chance)
    x_ND = mean_CD[class_N] + torch.randn(3000, 64, generator=chance)
    rows = [str(row) for row in range(3000)]
    task = ProbeTask.of(
        [f"c{c}" for c in class_N], [f"g{row // 5}" for row in range(3000)], rows, test_share=0.33, seed=0
    )
    fitted = fit_probe(x_ND, task, [1e-2, 1e-1], seed=0, random_init_ND=torch.randn(3000, 64, generator=chance))
    test_N = torch.from_numpy(task.is_test_N)
    bayes = float((torch.cdist(x_ND[test_N], mean_CD).argmin(1) == class_N[test_N]).float().mean())
    found = fitted.metrics["accuracy"]
    assert bayes > 0.99
    assert found.score.value > bayes - 0.01
    assert found.score.low is not None
    assert found.score.low <= found.score.value <= (found.score.high or 0)
    assert found.control == pytest.approx(1 / 8, abs=0.04)
    assert found.selectivity == pytest.approx(found.score.value - found.control)
    assert found.random_init == pytest.approx(1 / 8, abs=0.04)
    assert fitted.metrics["balanced_accuracy"].majority == 1 / 8


def test_a_group_on_both_sides_is_refused():
    with pytest.raises(GroupLeak, match="1 of 2 groups have rows in training and in the test \\('one'\\)"):
        ProbeTask(("a", "b"), np.array([0, 1, 0]), ["one", "one", "two"], ["x"] * 3, np.array([True, False, True]))


def test_a_split_keeps_groups_whole_and_labels_on_both_sides():
    groups = [f"g{row // 3}" for row in range(60)]
    labels = ["rare" if row < 6 else "often" for row in range(60)]
    for seed in range(20):
        is_test_N = split_by_group(groups, labels, 0.3, seed)
        for group in set(groups):
            assert len({bool(t) for g, t in zip(groups, is_test_N, strict=True) if g == group}) == 1
        assert {bool(t) for label, t in zip(labels, is_test_N, strict=True) if label == "rare"} == {True, False}
    assert not np.array_equal(split_by_group(groups, labels, 0.3, 0), split_by_group(groups, labels, 0.3, 1))
    assert is_test_N.mean() == pytest.approx(0.3, abs=0.1)


def test_a_set_that_cannot_be_split_is_refused():
    with pytest.raises(TooFewGroups, match="all rows are of one group \\('g'\\)"):
        split_by_group(["g", "g"], ["a", "b"], 0.5, 0)
    with pytest.raises(OneSidedLabel, match="label 'b' stands only in"):
        ProbeTask.of(["a", "a", "b"], ["1", "2", "3"], ["x"] * 3, test_share=0.5, seed=0)
    with pytest.raises(ValueError, match="every row has the label 'a'"):
        ProbeTask.of(["a", "a"], ["1", "2"], ["x"] * 2, test_share=0.5, seed=0)


def test_types_keep_one_control_label_and_have_the_shares_of_the_classes():
    labels = ["a"] * 300 + ["b"] * 100
    groups, types = [str(row) for row in range(400)], [f"t{row % 100}" for row in range(400)]
    control = ProbeTask.of(labels, groups, types, test_share=0.3, seed=0).control_classes(0)
    assert all(len({control[row] for row in range(kind, 400, 100)}) == 1 for kind in range(100))
    assert control.mean() == pytest.approx(0.25, abs=0.1)


def test_scores_by_hand():
    scores = probe_scores(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), ["g", "g", "h", "h"], 2)
    assert scores["accuracy"].value == 0.75
    assert scores["balanced_accuracy"].value == 0.75
    assert (scores["accuracy"].low, scores["accuracy"].high) == (0.5, 1.0), "one group or the other, drawn twice"
    assert probe_scores(np.array([0]), np.array([0]), ["g"], 2)["accuracy"].low is None
