"""Facts of two relations that known latents carry: one relation goes with its latents and the other stays."""

import numpy as np
import pytest

from models.evaluation.unlearning import Outcome, Questions, Setting, Unlearning, forgetting_features, unlearning

FACTS, LATENTS = 200, 64
SETTINGS = [Setting(rate, n, multiple) for rate in (0.001, 0.2) for n in (4, 8) for multiple in (0.25, 1, 2)]


def planted(*, shared: bool = False) -> tuple[Questions, dict[str, np.ndarray], list[Unlearning]]:
    """The first half of the facts are of relation A, which latents 0 to 3 carry, the others of B, carried by 4 to 7;
    `shared`: A's latents carry B too. Latents 8 to 15 fire with A's and carry nothing, others at random.

    A fact's answer has a lead of 4 over the next; each latent that fires and carries adds what it is set to.
    """
    chance = np.random.default_rng(0)
    is_a_N = np.arange(FACTS) < FACTS // 2
    fires_NF = chance.random((FACTS, LATENTS)) < 0.1
    fires_NF[:, :4] = is_a_N[:, None] | shared
    fires_NF[:, 4:8] = ~is_a_N[:, None]
    fires_NF[:, 8:16] = (is_a_N[:, None] & (chance.random((FACTS, 8)) < 0.8)) | (chance.random((FACTS, 8)) < 0.1)
    carries_NF = np.zeros((FACTS, LATENTS))
    carries_NF[is_a_N, :4] = 1
    carries_NF[~is_a_N, 4:8] = 1
    if shared:
        carries_NF[~is_a_N, :4] = 1
    group_N = np.arange(FACTS) // 2
    is_choosing_N = group_N % 2 == 0

    def edited(features, value: float) -> Outcome:
        set_NF = fires_NF.astype(float)
        for feature in features:
            set_NF[fires_NF[:, feature], feature] = value
        lead_N = (set_NF * carries_NF).sum(1)
        return Outcome(lead_N > 0, np.log1p(np.exp(-lead_N)))

    def like_density(features):
        return chance.choice(np.arange(16, LATENTS), len(features), replace=False).tolist()

    rates = [fires_NF[of & is_choosing_N].mean(0) for of in (is_a_N, ~is_a_N)]
    questions = Questions(is_a_N, [str(group) for group in group_N], is_choosing_N, *rates)
    return questions, {"fires": fires_NF}, list(unlearning(questions, SETTINGS, edited, like_density))


def test_one_relation_goes_and_the_other_stays_and_random_latents_forget_nothing():
    _, _, rows = planted()
    [chosen] = [row for row in rows if row.condition == "chosen" and row.is_selected and row.half == "reporting"]
    assert chosen.setting is not None
    assert set(chosen.features) == {0, 1, 2, 3}
    assert (chosen.forget.value, chosen.retain.value) == (0, 1)
    assert chosen.forget.n == chosen.retain.n == FACTS // 4
    assert chosen.forget.loss > 1
    [random] = [row for row in rows if row.condition == "random" and row.is_selected and row.half == "reporting"]
    assert (random.forget.value, random.retain.value) == (1, 1)
    for row in rows:
        if row.condition == "unedited":
            assert (row.forget.value, row.retain.value, row.is_selected) == (1, 1, False)
            assert row.forget.loss == pytest.approx(np.log1p(np.exp(-4)))


def test_where_both_relations_lean_on_the_same_latents_no_setting_passes():
    """They fire on everything, so that the threshold leaves them alone, and what is left carries nothing."""
    _, _, rows = planted(shared=True)
    for row in rows:
        assert row.forget.value == row.retain.value == 1, "only latents that carry nothing are set below 0"


def test_a_setting_that_costs_more_than_a_hundredth_of_the_rest_is_not_selected():
    questions, _, _ = planted()
    n_lost = {0.25: 0, 1: 1, 2: 2}

    def edited(features, value: float) -> Outcome:
        right_N = np.ones(FACTS, bool)
        retained = np.flatnonzero(~questions.is_forget_N & questions.is_choosing_N)
        right_N[questions.is_forget_N] = not value
        right_N[retained[: n_lost.get(-value, 0)]] = False
        return Outcome(right_N, np.zeros(FACTS))

    rows = list(unlearning(questions, SETTINGS, edited, list))
    selected = [row for row in rows if row.is_selected and row.half == "choosing"]
    assert {row.setting.multiple for row in selected if row.setting} == {0.25}, "one of fifty is two hundredths"


def test_features_are_ranked_by_how_often_they_fire_among_those_that_seldom_do_elsewhere():
    rates = np.array([0.9, 0.5, 0.0, 0.7]), np.array([0.3, 0.0, 0.0, 0.01])
    none = np.zeros(0)
    questions = Questions(none, [], none, *rates)
    assert forgetting_features(questions, Setting(0.001, 4, 1)) == [1]
    assert forgetting_features(questions, Setting(0.01, 4, 1)) == [3, 1]
    assert forgetting_features(questions, Setting(1, 2, 1)) == [0, 3]


def test_what_is_selected_is_told_of_the_half_that_did_not_choose_it():
    """On the choosing half a latent does all; on the other it does nothing."""
    questions, _, _ = planted()

    def edited(features, value: float) -> Outcome:
        right_N = ~(questions.is_forget_N & questions.is_choosing_N) | (not value)
        return Outcome(right_N, np.zeros(FACTS))

    rows = [row for row in unlearning(questions, SETTINGS[:1], edited, list) if row.condition == "chosen"]
    assert {row.half: row.forget.value for row in rows} == {"choosing": 0, "reporting": 1}


def test_the_half_that_is_reported_has_no_say_in_what_is_selected():
    """One setting forgets more on the choosing half, the other on both together."""
    questions, _, _ = planted()
    n_right = {0.25: (10, 50), 1: (20, 0)}

    def edited(features, value: float) -> Outcome:
        right_N = np.ones(FACTS, bool)
        for half, is_of_N in enumerate((questions.is_choosing_N, ~questions.is_choosing_N)):
            rows = np.flatnonzero(questions.is_forget_N & is_of_N)
            right_N[rows[n_right.get(-value, (50, 50))[half] :]] = False
        return Outcome(right_N, np.zeros(FACTS))

    settings = [Setting(0.2, 4, multiple) for multiple in n_right]
    [found] = [
        row
        for row in unlearning(questions, settings, edited, list)
        if row.is_selected and row.half == "reporting" and row.condition == "chosen"
    ]
    assert found.setting is not None
    assert (found.setting.multiple, found.forget.value) == (0.25, 1)
