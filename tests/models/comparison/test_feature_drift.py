"""Planted drifts are found and no others; other documents are no drift once contexts are the units."""

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import false_discovery_control, norm, ttest_rel

from models.comparison.feature_drift import feature_drift

C, TOKENS, F = 400, 32, 1500


def rates(chance: np.random.Generator) -> np.ndarray:
    return 10 ** chance.uniform(-3.7, -1.3, F)


def firings(chance: np.random.Generator, rate_F: np.ndarray, topic_CF: np.ndarray | None = None) -> np.ndarray:
    """Counts in each context; a feature is about a topic: it fires ten times as often in some contexts."""
    topic = np.ones((C, F)) if topic_CF is None else topic_CF
    return chance.binomial(TOKENS, np.minimum(rate_F * topic, 0.5))


def test_planted_drifts_are_found_and_no_others():
    """The reference: 26 of 27 that can be tested, none false. A tenth of the firings moves without any drift."""
    chance = np.random.default_rng(0)
    rate_F = rates(chance)
    base_CF = firings(chance, rate_F)
    kept_CF = chance.binomial(base_CF, 0.9)
    other_CF = kept_CF + chance.binomial(TOKENS, np.minimum(0.1 * rate_F, 1), size=(C, F))
    factor_F = np.ones(F)
    factor_F[:20], factor_F[20:30] = 3, 0.2
    other_CF[:, :30] = firings(chance, rate_F * factor_F)[:, :30]
    found = feature_drift(csr_array(base_CF), csr_array(other_CF), np.full(C, TOKENS))
    drifted = set(np.flatnonzero(found.drifted_F).tolist())
    testable = {f for f in range(30) if np.isfinite(found.q_F[f]) and base_CF[:, f].sum() >= 15}
    assert len(testable & drifted) >= 0.9 * len(testable)
    assert len(testable) > 15
    assert drifted <= set(range(30))
    assert found.log2_ratio_F[sorted(testable & drifted & set(range(20)))].min() > 1


def test_other_documents_are_no_drift_with_contexts_as_units_and_are_with_tokens():
    """The reference: 36 false alarms with tokens as units, none with contexts."""
    chance = np.random.default_rng(1)
    rate_F = rates(chance)
    both = [firings(chance, rate_F, np.where(chance.random((C, F)) < 0.05, 20, 0.5)) for _ in range(2)]
    by_context = feature_drift(csr_array(both[0]), csr_array(both[1]), np.full(C, TOKENS))
    assert (by_context.q_F < 0.05).sum() <= 1
    counts = np.stack([each.sum(0) for each in both])
    pooled_F = counts.sum(0) / (2 * C * TOKENS)
    z_F = (counts[1] - counts[0]) / np.sqrt(np.maximum(2 * C * TOKENS * pooled_F, 1))
    assert (np.abs(z_F) > 4).sum() > 5, "tokens taken for independent see drifts"


def test_differences_and_their_errors_are_those_of_the_paired_test_of_student():
    """In contexts of different lengths; the errors' chance is the normal one, the q are no less than it."""
    chance, tokens_C = np.random.default_rng(3), np.random.default_rng(4).integers(10, 40, C)
    base_CF, other_CF = (chance.binomial(tokens_C[:, None], rate, (C, 12)) for rate in (0.03, 0.04))
    found = feature_drift(csr_array(base_CF), csr_array(other_CF), tokens_C)
    shares = [each / tokens_C[:, None] for each in (base_CF, other_CF)]
    np.testing.assert_allclose(found.difference_F, (shares[1] - shares[0]).mean(0))
    wanted = ttest_rel(shares[1], shares[0])
    np.testing.assert_allclose(found.difference_F / found.standard_error_F, wanted.statistic, rtol=1e-9)
    np.testing.assert_allclose(found.q_F, false_discovery_control(2 * norm.sf(np.abs(wanted.statistic))), rtol=1e-9)


def test_the_same_model_does_not_drift():
    base_CF = firings(np.random.default_rng(2), rates(np.random.default_rng(2)))
    found = feature_drift(csr_array(base_CF), csr_array(base_CF), np.full(C, TOKENS))
    assert not found.drifted_F.any()
    assert np.nanmin(found.q_F) == 1
