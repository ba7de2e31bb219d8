"""Planted concepts of many rates, of which the frequent ones have a feature: which have, and from which rate on."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from models.evaluation.concept_coverage import ConceptCounts, coverage, coverage_law

C, F, T, HALF = 60, 200, 40_000, 1e-3


def planted(seed: int) -> tuple[csr_array, csr_array, np.ndarray, np.ndarray]:
    """Concepts of rates from 1e-4 to 1e-2; those above 1e-3 have a feature that fires on 90 % of them and on as many
    other tokens again as a tenth; all other features fire anywhere."""
    rate_C = np.logspace(-4, -2, C)
    chance = np.random.default_rng(seed)
    ends = chance.random((C, T)) < rate_C[:, None]
    fires = chance.random((T, F)) < 0.005
    has_C = rate_C > HALF
    for concept in np.flatnonzero(has_C):
        fires[:, concept] = (ends[concept] & (chance.random(T) < 0.9)) | (chance.random(T) < 0.1 * rate_C[concept])
    return csr_array(ends.astype(np.float64)), csr_array(fires.astype(np.float64)), rate_C, has_C


def test_planted_concepts_are_covered_and_no_others():
    halves = [ConceptCounts.of(*planted(seed)[:2]) for seed in (0, 1)]
    _, _, rate_C, has_C = planted(0)
    found = coverage(*halves)
    assert (found.is_covered_C == has_C).all()
    assert (found.feature_C[has_C] == np.flatnonzero(has_C)).all()
    assert found.recall_C[has_C].mean() == pytest.approx(0.9, abs=0.03)
    law = coverage_law(rate_C, found.is_covered_C, draws=20)
    assert law is not None
    assert law.half_rate == pytest.approx(HALF, rel=0.1)
    assert law.low <= law.half_rate <= law.high


def test_counts_of_parts_add_up_and_shuffled_ends_cover_nothing():
    ends, fires, _, _ = planted(0)
    whole = ConceptCounts.of(ends, fires)
    parts = ConceptCounts.of(csr_array(ends[:, :9000]), csr_array(fires[:9000])) + ConceptCounts.of(
        csr_array(ends[:, 9000:]), csr_array(fires[9000:])
    )
    assert (parts.together_CF == whole.together_CF).all()
    assert (whole.n_tokens, int(whole.occurrences_C.sum())) == (T, int(ends.sum()))
    order = np.random.default_rng(2).permutation(T)
    shuffled = ConceptCounts.of(csr_array(ends[:, order]), fires)
    assert coverage(shuffled, shuffled).f1_C.max() < 0.3
    assert coverage_law(np.array([0.1, 0.2]), np.array([True, True])) is None
    assert coverage_law(np.array([0.1, 0.2, 0.001, 0.002]), np.array([False, False, True, True])) is None


def test_what_was_chosen_on_one_half_is_reported_on_the_other_alone():
    """The first feature is perfect where it is chosen; on the other half it fires 8 times, 2 of them at the 5 ends."""
    choosing = ConceptCounts(100, np.array([4]), np.array([4, 4]), np.array([[4, 1]], np.int32))
    reporting = ConceptCounts(100, np.array([5]), np.array([8, 5]), np.array([[2, 5]], np.int32))
    found = coverage(choosing, reporting)
    assert found.feature_C.tolist() == [0]
    values = (found.f1_C, found.precision_C, found.recall_C)
    assert [float(value[0]) for value in values] == pytest.approx([4 / 13, 2 / 8, 2 / 5])
