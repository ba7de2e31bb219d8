"""Half of the documents score labels, and which ones depends on their names alone."""

import numpy as np

from models.features.scoring_half import is_in_scoring_half


def test_half_of_the_documents_are_for_scoring():
    scoring = [is_in_scoring_half(f"d{i}") for i in range(4000)]
    assert abs(np.mean(scoring) - 0.5) < 0.04
    assert scoring == [is_in_scoring_half(f"d{i}") for i in range(4000)]
