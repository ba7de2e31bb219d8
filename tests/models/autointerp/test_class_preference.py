import numpy as np
import pytest

from models.autointerp.class_preference import aurocs, class_preferences, strongest_by_image


def test_auroc_is_the_share_of_pairs_that_are_in_order():
    draw = np.random.default_rng(0)
    peaks, is_label = draw.integers(0, 4, (30, 3)).astype(float), draw.random((30, 2)) < 0.4
    found = aurocs(peaks, is_label)
    for feature in range(3):
        for label in range(2):
            inside, outside = (peaks[mask, feature] for mask in (is_label[:, label], ~is_label[:, label]))
            pairs = (inside[:, None] > outside).mean() + 0.5 * (inside[:, None] == outside).mean()
            assert found[feature, label] == pytest.approx(pairs)


def test_a_planted_preference_is_found_and_shuffled_labels_show_none():
    draw = np.random.default_rng(1)
    labels = draw.choice(["cat", "dog", "fish"], 600)
    peaks = draw.exponential(size=(600, 40)) * (draw.random((600, 40)) < 0.2)
    peaks[labels == "dog", 7] += 1.0
    found = class_preferences(peaks, labels, np.arange(600) % 2 == 0)
    assert found.label_F[7] == "dog"
    assert found.auroc_F[7] > 0.95
    assert found.lift_F[7] > 2
    others = np.delete(found.auroc_F, 7)
    # The best of three labels by one half is worth nothing on the other.
    assert abs(others.mean() - 0.5) < 0.02
    assert abs(found.shuffled_auroc_F.mean() - 0.5) < 0.02
    assert (np.abs(others - 0.5) < found.half_width_F[np.arange(40) != 7]).mean() > 0.85


def test_labels_of_few_images_are_not_preferred():
    labels = np.array(["rare"] * 4 + ["often"] * 3)
    found = class_preferences(np.ones((7, 2)), labels, np.arange(7) % 2 == 0)
    assert found.label_F.tolist() == ["", ""]


def test_the_strongest_activation_of_an_image_counts():
    peaks = strongest_by_image(np.array([0, 0, 1]), np.array([2, 2, 0]), np.array([1.0, 3.0, 2.0]), 3, 2)
    assert peaks.tolist() == [[0, 2], [0, 0], [3, 0]]


def test_lift_is_counted_on_the_images_that_report():
    labels = np.array(["cat"] * 10 + ["dog"] * 10 + ["cat"] * 10 + ["dog"] * 30)
    reports = np.arange(60) >= 20
    peaks = np.zeros((60, 1))
    peaks[:10] = 1  # chosen: cats alone
    peaks[[*range(20, 28), *range(30, 34)]] = 1  # reported: 8 of 10 cats and 4 of 30 dogs
    found = class_preferences(peaks, labels, reports)
    assert found.label_F.tolist() == ["cat"]
    assert found.lift_F[0] == pytest.approx((8 / 12) / (10 / 40))
    assert found.choosing_auroc_F[0] == 1
    assert found.auroc_F[0] == pytest.approx((0.8 + 26 / 30) / 2)
    assert (found.n_images, found.n_of_label_F[0]) == (40, 10)


@pytest.mark.parametrize("few", [0, 1])
def test_a_label_of_few_images_in_either_half_is_not_preferred(few):
    """Of the rare label four images lie in one half and ten in the other; with five it is tried."""
    for n in (4, 5):
        halves = [np.array(["rare"] * (n if half == few else 10) + ["often"] * 10) for half in (0, 1)]
        labels, reports = np.concatenate(halves), np.repeat([False, True], [len(half) for half in halves])
        found = class_preferences(np.random.default_rng(0).random((len(labels), 8)), labels, reports)
        assert ("rare" in found.label_F) == (n == 5)
