"""Features of concepts fire alike in all languages, features of a language in one; other sentences share neither."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from models.comparison.parallel_texts import language_features, language_pairs

N, LANGUAGES, CONCEPTS, OWN = 300, ("en", "fr", "zh"), 24, 8


def sentences(seed: int = 0) -> dict[str, csr_array]:
    """24 concepts, the same in all languages but for noise, and 8 features of each language."""
    chance = np.random.default_rng(seed)
    said_NF = (chance.random((N, CONCEPTS)) < 0.15) * chance.uniform(0.5, 1.5, (N, CONCEPTS))
    acts = {}
    for number, name in enumerate(LANGUAGES):
        own_NF = np.zeros((N, OWN * len(LANGUAGES)))
        own_NF[:, number * OWN : (number + 1) * OWN] = (chance.random((N, OWN)) < 0.6) * chance.uniform(
            0.5, 1.5, (N, OWN)
        )
        noisy_NF = np.where(said_NF > 0, said_NF + 0.1 * chance.normal(size=said_NF.shape), 0).clip(0)
        acts[name] = csr_array(np.concatenate([noisy_NF, own_NF], axis=1))
    return acts


def test_concepts_correlate_across_languages_and_languages_tell_themselves():
    """The reference: .949 for concepts, all 24 recovered; about 0 for language features and for other sentences."""
    found = language_features(sentences())
    assert found.least_correlation_F[:CONCEPTS].min() > 0.9
    assert np.isnan(found.least_correlation_F[CONCEPTS:]).all(), "they fire in one language"
    assert np.abs(found.unpaired_correlation_F[:CONCEPTS]).max() < 0.25
    assert found.information_F[:CONCEPTS].max() < 0.01
    assert found.information_F[CONCEPTS:].min() > 0.15
    assert (found.share_FG[CONCEPTS:] > 0).sum(1).tolist() == [1] * (OWN * 3)


def test_correlations_over_pairs_of_languages_are_those_of_dense_columns():
    """The third language says half of the concepts at random."""
    acts = {name: each.toarray() for name, each in sentences(2).items()}
    acts["zh"][:, : CONCEPTS // 2] = acts["zh"][np.random.default_rng(3).permutation(N), : CONCEPTS // 2]
    found = language_features({name: csr_array(each) for name, each in acts.items()})
    for feature in range(CONCEPTS):
        columns = np.stack([each[:, feature] for each in acts.values()])
        pairs = np.corrcoef(columns)[np.triu_indices(3, 1)]
        assert found.least_correlation_F[feature] == pytest.approx(pairs.min())
        assert found.mean_correlation_F[feature] == pytest.approx(pairs.mean())
    assert found.least_correlation_F[: CONCEPTS // 2].max() < 0.3
    assert found.mean_correlation_F[: CONCEPTS // 2].min() > 0.2


def test_paired_sentences_share_more_than_unpaired_ones():
    pairs = {(pair.language, pair.other): pair for pair in language_pairs(sentences(1))}
    assert set(pairs) == {("en", "fr"), ("en", "zh"), ("fr", "zh")}
    for pair in pairs.values():
        assert pair.overlap > 0.2
        assert pair.unpaired_overlap < 0.5 * pair.overlap
    same = language_pairs({"a": sentences(1)["en"], "b": sentences(1)["en"]})
    assert same[0].overlap == pytest.approx(1)
