"""Kinds of concepts whose concept's latent was silenced by hand are found, with the latent that speaks for them."""

import numpy as np
import pytest
import torch
from planted_concepts import codes_of

from models.evaluation.concept_absorption import ConceptAbsorption, concept_absorption
from models.evaluation.concept_probing import PooledTexts

CONCEPTS, KINDS, TIMES, D = 3, 48, 10, 160


def measured(share: float, swallowed: float) -> tuple[list[ConceptAbsorption], dict[str, np.ndarray]]:
    """On `share` of each kind's texts its own latent, of cosine .8 with its concept's direction, takes over so much.

    Returns:
        What is measured, and which of each test kind's texts were taken.
    """
    chance, n = np.random.default_rng(0), CONCEPTS * KINDS * TIMES
    kind_N = np.arange(n) // TIMES
    class_N = kind_N // KINDS
    taken_N = np.arange(n) % TIMES < np.round(share * TIMES + chance.choice([-1, 0, 1], CONCEPTS * KINDS))[kind_N]
    orthonormal = np.linalg.qr(chance.normal(size=(D, D)))[0]
    concepts, others = orthonormal[:CONCEPTS], orthonormal[CONCEPTS : CONCEPTS + CONCEPTS * KINDS]
    own = 0.8 * concepts[np.arange(CONCEPTS * KINDS) // KINDS] + 0.6 * others
    W_dec = np.concatenate([concepts, own])
    acts_NF = np.zeros((n, len(W_dec)))
    acts_NF[np.arange(n), class_N] = np.where(taken_N, 1 - swallowed, 1)
    acts_NF[np.arange(n), CONCEPTS + kind_N] = np.where(taken_N, swallowed / 0.8, 0)
    x_ND = acts_NF @ W_dec + 2 + 0.01 * chance.normal(size=(n, D))
    texts = PooledTexts(torch.from_numpy(x_ND).float(), codes_of(acts_NF))
    names = [f"kind {number}" for number in kind_N]
    is_test_N = kind_N % 2 == 0
    decoder = torch.from_numpy(W_dec).float(), torch.full((D,), 2.0)
    found = list(concept_absorption(texts, class_N, names, is_test_N, *decoder, random_draws=2))
    return found, {f"kind {number}": taken_N[kind_N == number] for number in np.unique(kind_N[is_test_N])}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.6])
def test_rate_and_fraction_are_the_planted_share_of_each_kind(share: float):
    found, taken = measured(share, swallowed=1.0)
    for concept in found:
        assert concept.main == (concept.label,), "a latent of one kind adds little to F1"
        assert concept.n_right == concept.n_texts == KINDS // 2 * TIMES
        wanted = np.mean([taken[each.kind] for each in concept.kinds])
        assert concept.absorbed is not None
        assert concept.fraction is not None
        assert concept.absorbed.value == pytest.approx(wanted, abs=1e-9)
        assert concept.fraction.value == pytest.approx(wanted, abs=0.01)
        low, high = concept.absorbed.low, concept.absorbed.high
        assert low is not None
        assert high is not None
        assert low <= wanted <= high
        if share:
            assert 0 < low < high < 1, "kinds differ"
            assert concept.absorbed.random > (1 + wanted) / 2 - 1e-6, (
                "all is others', but where the draw is the own one"
            )
        for kind in concept.kinds:
            assert kind.n_absorbed == taken[kind.kind].sum()
            if kind.n_absorbed:
                assert kind.feature == CONCEPTS + int(kind.kind.removeprefix("kind "))
                assert kind.cosine == pytest.approx(0.8 * (2 / 3) ** 0.5, abs=0.01), "one of three centred directions"


def test_half_swallowed_kinds_have_a_fraction_and_no_rate():
    found, taken = measured(0.5, swallowed=0.5)
    for concept in found:
        wanted = np.mean([taken[each.kind] for each in concept.kinds])
        assert concept.absorbed is not None
        assert concept.fraction is not None
        assert concept.absorbed.value == 0
        assert concept.fraction.value == pytest.approx(wanted / 2, abs=0.02)
        for kind in concept.kinds:
            if taken[kind.kind].any():
                assert kind.feature == CONCEPTS + int(kind.kind.removeprefix("kind "))


def test_a_label_that_the_activation_does_not_tell_has_no_rate():
    chance = np.random.default_rng(1)
    acts_NF = (chance.random((400, 20)) < 0.3) * 1.0
    texts = PooledTexts(torch.from_numpy(chance.normal(size=(400, 16))).float(), codes_of(acts_NF))
    decoder = torch.from_numpy(chance.normal(size=(20, 16))).float(), torch.zeros(16)
    kinds = [f"kind {number // 10}" for number in range(400)]
    found = list(concept_absorption(texts, np.arange(400) // 10 % 2, kinds, np.arange(400) // 20 % 2 == 0, *decoder))
    assert [concept.absorbed for concept in found] == [None, None]
    assert all(concept.f1 < 0.6 for concept in found)
