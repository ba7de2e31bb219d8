"""Features taken out of pooled texts: planted classes fall alone, a planted bias goes with its features, and the pooled
form is the same as taking features out token by token."""

import numpy as np
import pytest
import torch
from complete_dictionary import complete_dictionary
from planted_concepts import codes_of

from models.evaluation.latent_ablation import AblatableTexts, balanced_rows
from models.evaluation.spurious_removal import spurious_removal
from models.evaluation.targeted_perturbation import targeted_perturbation

WIDTH = 64


def texts_of(acts_NF: np.ndarray, chance: np.random.Generator, noise: float = 0.1) -> AblatableTexts:
    """Orthonormal features and noise that no feature says; every third text is a test text, groups of two."""
    W_dec_FD = np.linalg.qr(chance.normal(size=(WIDTH, WIDTH)))[0][: acts_NF.shape[1]]
    x_ND = acts_NF @ W_dec_FD + noise * chance.normal(size=(len(acts_NF), WIDTH))
    group_N = np.arange(len(acts_NF)) // 2
    x, W_dec = (torch.from_numpy(each.astype(np.float32)) for each in (x_ND, W_dec_FD))
    return AblatableTexts(x, codes_of(acts_NF), W_dec, group_N, group_N % 3 == 0)


def test_a_label_falls_with_its_own_features_and_the_others_stay():
    """Five labels of three features each, any of which tells it: the third takes the label away."""
    chance, n = np.random.default_rng(0), 600
    class_N = chance.integers(0, 5, n)
    acts_NF = (chance.random((n, 40)) < 0.2) * chance.uniform(0.2, 1, (n, 40))
    for c in range(5):
        acts_NF[:, 3 * c : 3 * c + 3] = (class_N == c)[:, None] * chance.uniform(0.5, 1.5, (n, 3))
    found = list(targeted_perturbation(texts_of(acts_NF, chance), class_N, [1, 3, 20]))
    means = {(row.condition, row.n_latents): row for row in found if row.label is None}
    assert means["chosen", 3].accuracy > 0.98
    assert means["chosen", 1].score < 0.2
    assert means["chosen", 3].score == pytest.approx(0.49, abs=0.02)
    assert means["chosen", 20].score == pytest.approx(0.49, abs=0.02)
    assert abs(means["chosen", 3].unintended) < 0.01
    assert abs(means["random", 3].score) < 0.15
    low, high = means["chosen", 3].low, means["chosen", 3].high
    assert low is not None
    assert high is not None
    assert 0.45 < low <= means["chosen", 3].score <= high < 0.57
    own = {
        row.label: row.features for row in found if row.condition == "chosen" and row.n_latents == 3 and row.features
    }
    assert own == {c: pytest.approx(own[c]) for c in range(5)}
    assert {c: set(own[c] or ()) for c in range(5)} == {c: {3 * c, 3 * c + 1, 3 * c + 2} for c in range(5)}


def test_a_bias_goes_with_its_features_and_not_with_random_ones():
    """The spurious label is 1.6 times as loud, on four features, two for either value: they are what the biased
    probe goes by."""
    chance, n = np.random.default_rng(1), 1200
    is_label_N, is_spurious_N = chance.random(n) < 0.5, chance.random(n) < 0.5
    acts_NF = (chance.random((n, 48)) < 0.2) * chance.uniform(0.2, 1, (n, 48))
    for first, is_so_N, loud in ((0, is_label_N, 1.0), (4, is_spurious_N, 1.6)):
        acts_NF[:, first : first + 2] = is_so_N[:, None] * loud * chance.uniform(0.5, 1.0, (n, 2))
        acts_NF[:, first + 2 : first + 4] = ~is_so_N[:, None] * loud * chance.uniform(0.5, 1.0, (n, 2))
    rows = list(spurious_removal(texts_of(acts_NF, chance), is_label_N, is_spurious_N, [1, 2, 4, 8]))
    told = {(row.condition, row.n_latents): row for row in rows if row.is_reported}
    assert {row.target for row in told.values()} == {"label"}
    first = told["chosen", 4]
    assert first.biased_accuracy < 0.75
    assert first.clean_accuracy > 0.95
    assert set(first.features or ()) == {4, 5, 6, 7}
    scores = [told["chosen", n].score or 0 for n in (1, 2, 4)]
    assert scores[0] < scores[1] < scores[2]
    assert scores[2] == pytest.approx(1, abs=0.1)
    assert (told["random", 4].score or 0) < 0.3
    assert first.low is not None
    assert first.low > 0.8


def test_features_and_probes_are_those_of_training_texts():
    """In test texts the features of the labels are silent: they are chosen none the less, and nothing tells there."""
    chance, n = np.random.default_rng(3), 600
    class_N, is_spurious_N = chance.integers(0, 2, n), chance.random(n) < 0.5
    acts_NF = (chance.random((n, 40)) < 0.2) * chance.uniform(0.2, 1, (n, 40))
    is_training_N = np.arange(n) // 2 % 3 != 0
    for place, is_so_N in enumerate((class_N == 0, class_N == 1, is_spurious_N, ~is_spurious_N)):
        acts_NF[:, place] = (is_so_N & is_training_N) * chance.uniform(0.5, 1.5, n)
    texts = texts_of(acts_NF, chance)
    for row in targeted_perturbation(texts, class_N, [1]):
        assert row.label is None or row.condition == "random" or row.features == (row.label,)
        assert row.accuracy == pytest.approx(0.5, abs=0.1)
    for row in spurious_removal(texts, class_N == 1, is_spurious_N, [2]):
        wanted = {2, 3} if row.target == "label" else {0, 1}
        assert row.condition == "random" or set(row.features or ()) == wanted
        assert row.clean_accuracy == pytest.approx(0.5, abs=0.1)


def test_accuracies_are_of_as_many_texts_as_is_said():
    """300 test texts of which 40 have the first label: its own probe is asked of 80."""
    chance, n = np.random.default_rng(4), 900
    is_test_N = np.arange(n) // 2 % 3 == 0
    class_N = np.where(np.arange(n) % 2 == 0, 1, 2)
    class_N[np.flatnonzero(is_test_N)[:40]] = class_N[np.flatnonzero(~is_test_N)[:60]] = 0
    texts = texts_of(np.eye(3)[class_N] * chance.uniform(0.5, 1.5, (n, 1)), chance)
    rows = list(targeted_perturbation(texts, class_N, [1]))
    counts = np.bincount(class_N[is_test_N])
    wanted = {c: 2 * min(counts[c], counts.sum() - counts[c]) for c in range(3)}
    assert {row.label: row.n_test for row in rows} == wanted | {None: sum(wanted.values())}
    assert wanted[0] == 80
    is_spurious_N = chance.random(n) < 0.3
    cells = np.bincount((2 * (class_N == 0) + is_spurious_N)[is_test_N])
    assert {row.n_test for row in spurious_removal(texts, class_N == 0, is_spurious_N, [1])} == {4 * cells.min()}


def test_where_labels_are_independent_in_training_there_is_no_bias_to_take_out():
    """A probe that never saw them together: nothing is lost, and no share of nothing is told."""
    chance, n = np.random.default_rng(2), 800
    is_label_N, is_spurious_N = chance.random(n) < 0.5, chance.random(n) < 0.5
    acts_NF = is_label_N[:, None] * np.ones((n, 4)) * 3
    rows = list(spurious_removal(texts_of(acts_NF, chance, 0.01), is_label_N, is_spurious_N, [1]))
    of_label = [row for row in rows if row.target == "label"]
    assert {row.biased_accuracy for row in of_label} == {1.0}
    assert {row.score for row in of_label} == {None}


def test_features_taken_out_of_the_pool_are_features_taken_out_of_every_token():
    sae, x_PD = complete_dictionary(16), torch.randn(10, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        codes = sae.encode(x_PD)
        dense_PF = codes.dense()
        error_PD = x_PD - sae.decode(codes)
        dense_PF[:, [2, 5]] = 0
        wanted_D = (dense_PF @ sae.W_dec + sae.b_dec + error_PD).mean(0)
        pooled = codes_of(codes.dense().mean(0)[None].numpy())
        texts = AblatableTexts(x_PD.mean(0)[None], pooled, sae.W_dec, np.zeros(1, int), np.zeros(1, bool))
        torch.testing.assert_close(texts.without([2, 5])[0], wanted_D, atol=1e-6, rtol=1e-6)


def test_rows_are_balanced_over_cells_and_drawn_alike():
    cell_N = np.array([0] * 30 + [1] * 12 + [-1] * 20)
    rows = balanced_rows(cell_N, np.ones(62, bool), 0)
    assert np.bincount(cell_N[rows]).tolist() == [12, 12]
    assert rows.tolist() == balanced_rows(cell_N, np.ones(62, bool), 0).tolist()
    assert rows.tolist() != balanced_rows(cell_N, np.ones(62, bool), 1).tolist()
