"""Texts cut so that length says nothing of the class: every text is kept, and the classes' lengths become alike."""

import numpy as np
import pytest
import torch

from models.evaluation.sparse_probing import auroc
from models.numerics.matched_lengths import matched_lengths


@pytest.mark.parametrize("sizes", [(200, 200), (300, 60), (40, 500, 90)])
def test_matched_lengths_say_nothing_of_the_class(sizes: tuple[int, ...]):
    chance = np.random.default_rng(0)
    class_N = np.repeat(np.arange(len(sizes)), sizes)
    n_N = chance.integers(5, 40, len(class_N)) * np.where(class_N == 0, 4, 1)
    before, after = (
        float(auroc(torch.from_numpy(n.astype(float)), torch.from_numpy(class_N == 0)))
        for n in (n_N, matched_lengths(n_N, class_N))
    )
    assert before > 0.9
    assert after == pytest.approx(0.5, abs=0.02)


def test_no_text_grows_or_vanishes_and_equal_classes_stay_as_they_are():
    n_N, class_N = np.array([3, 9, 1, 3, 9, 1]), np.array([0, 0, 0, 1, 1, 1])
    assert matched_lengths(n_N, class_N).tolist() == n_N.tolist()
    cut_N = matched_lengths(np.array([8, 80, 2, 3]), np.array([0, 0, 1, 1]))
    assert cut_N.tolist() == [2, 3, 2, 3]
