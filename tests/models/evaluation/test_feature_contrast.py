"""Features that tell texts apart: planted ones are found and no others, shuffled labels and lengths find nothing."""

import numpy as np
import pytest
from planted_concepts import codes_of
from scipy.stats import mannwhitneyu

from models.evaluation.feature_contrast import as_units, contrast, detector
from models.numerics.matched_lengths import matched_lengths

N_FEATURES, N_PLANTED = 2000, 30


def prompts(chance: np.random.Generator, n: int = 400, planted: int = N_PLANTED) -> tuple[np.ndarray, np.ndarray]:
    """200 prompts of either label; planted features fire on .4 of the one and .05 of the other."""
    y_N = np.arange(n) % 2 == 0
    rate_F = 10 ** chance.uniform(-2.5, -0.5, N_FEATURES)
    fires_NF = chance.random((n, N_FEATURES)) < rate_F
    fires_NF[:, :planted] = chance.random((n, planted)) < np.where(y_N, 0.4, 0.05)[:, None]
    return fires_NF * chance.uniform(0.5, 1.5, fires_NF.shape), y_N


def test_planted_features_are_found_at_the_promised_rate_of_false_discoveries():
    """The reference: 32 selected, 30 of 30 true."""
    acts_NF, y_N = prompts(np.random.default_rng(0))
    found = contrast(codes_of(acts_NF), y_N, np.arange(len(y_N)))
    selected = np.flatnonzero(found.q_F < 0.05)
    assert set(range(N_PLANTED)) <= set(selected.tolist())
    assert len(selected) <= N_PLANTED + 5
    assert (found.area_F[:N_PLANTED] > 0.6).all()
    by_odds = found.log_odds_F / found.log_odds_se_F
    assert by_odds[:N_PLANTED].min() > 3


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_labels_find_nothing(seed: int):
    chance = np.random.default_rng(seed)
    acts_NF, y_N = prompts(chance)
    found = contrast(codes_of(acts_NF), chance.permutation(y_N), np.arange(len(y_N)))
    assert (found.q_F < 0.05).sum() <= 1


def test_length_alone_is_found_by_most_features_and_by_none_once_lengths_are_matched():
    """Nothing is planted, and texts of the label are four times as long. The reference: 1,697 of 2,000, then 0."""
    chance, n = np.random.default_rng(3), 400
    y_N = np.arange(n) % 2 == 0
    length_N = np.where(y_N, 40, 10)
    rate_F = 10 ** chance.uniform(-2.5, -1, N_FEATURES)
    found = {}
    for name, read_N in (("as they are", length_N), ("matched", matched_lengths(length_N, y_N.astype(int)))):
        fired_NF = chance.random((n, N_FEATURES)) < 1 - (1 - rate_F) ** read_N[:, None]
        found[name] = contrast(codes_of(fired_NF * chance.uniform(0.5, 1.5, fired_NF.shape)), y_N, np.arange(n))
    assert (found["as they are"].q_F < 0.05).sum() > 1500
    assert (found["matched"].q_F < 0.05).sum() <= 1


def test_p_is_that_of_the_test_of_mann_and_whitney_with_ties():
    acts_NF, y_N = prompts(np.random.default_rng(4), n=60)
    acts_NF = np.round(acts_NF[:, :50], 1)
    found = contrast(codes_of(acts_NF), y_N, np.arange(60))
    for feature in range(50):
        a_N = acts_NF[:, feature].astype(np.float32)
        if np.ptp(a_N) == 0:
            continue
        wanted = mannwhitneyu(a_N[y_N], a_N[~y_N], method="asymptotic")
        assert found.p_F[feature] == pytest.approx(wanted.pvalue, rel=1e-4)
        assert found.area_F[feature] == pytest.approx(wanted.statistic / (y_N.sum() * (~y_N).sum()))


def test_texts_of_one_group_count_once():
    """Four copies of every text say no more than one."""
    acts_NF, y_N = prompts(np.random.default_rng(5), n=80)
    once = contrast(codes_of(acts_NF), y_N, np.arange(80))
    copied = codes_of(np.repeat(acts_NF, 4, axis=0))
    again = contrast(copied, np.repeat(y_N, 4), np.repeat(np.arange(80), 4))
    np.testing.assert_allclose(again.p_F, once.p_F, rtol=1e-6)
    assert (again.n, again.n_others) == (40, 40)
    units, y_U = as_units(copied, np.repeat(y_N, 4), np.zeros(320, int))
    assert y_U.tolist() == [False, True]
    mean_F = acts_NF[y_N].mean(0)
    np.testing.assert_allclose(
        units.columns(units.features_M.unique())[1], mean_F[mean_F + acts_NF[~y_N].mean(0) > 0], rtol=1e-5
    )


def test_a_feature_that_fires_in_too_few_texts_is_not_tested():
    acts_NF = np.zeros((60, 2))
    acts_NF[:8:2, 0] = acts_NF[:10:2, 1] = 1
    found = contrast(codes_of(acts_NF), np.arange(60) % 2 == 0, np.arange(60))
    assert np.isfinite(found.q_F).tolist() == [False, True]
    assert found.n_tested == 1


def test_a_detector_counts_as_by_hand_and_its_threshold_is_that_of_training_texts():
    """Training texts have the label above 1. Of 6 test texts with it 2 are above, of 4 without 1; most test texts have
    it below, so that they would choose the other side."""
    train, test = [(2, True), (1.5, True), (0.5, False), (0, False)], [(2, True)] * 2 + [(0, True)] * 4
    test += [(2, False)] + [(0, False)] * 3
    act_N, y_N = (np.array(column) for column in zip(*train, *test, *[(0, True), (3, False)] * 20, strict=True))
    for n in (14, 54):
        is_test_N = np.arange(n) >= 4
        found = detector(act_N[:n].astype(float), y_N[:n], np.arange(n), is_test_N)
        assert (found.threshold, found.is_above) == (1, True)
        if n == 14:
            assert (found.precision, found.recall, found.false_positive_rate) == (2 / 3, 1 / 3, 1 / 4)
            assert found.area == pytest.approx((2 * 3.5 + 4 * 1.5) / 24)


def test_a_detector_is_judged_on_texts_that_did_not_choose_its_threshold():
    chance, n = np.random.default_rng(6), 400
    y_N, is_test_N = chance.random(n) < 0.5, np.arange(n) % 2 == 0
    act_N = np.where(y_N, chance.uniform(1, 2, n), chance.uniform(0, 0.9, n))
    found = detector(act_N, y_N, np.arange(n), is_test_N)
    assert (found.precision, found.recall, found.false_positive_rate, found.area) == (1, 1, 0, 1)
    assert 0.85 < found.threshold < 1.05
    opposite = detector(-act_N, y_N, np.arange(n), is_test_N)
    assert not opposite.is_above
    assert opposite.recall == 1
    noise = detector(chance.random(n), y_N, np.arange(n), is_test_N)
    assert noise.recall - noise.false_positive_rate < 0.2
