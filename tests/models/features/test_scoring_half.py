"""Half of the contexts score labels, and which ones depends on their names alone."""

import numpy as np

from models.features.scoring_half import is_in_scoring_half


def test_half_of_the_contexts_are_for_scoring():
    scoring = [is_in_scoring_half(f"d{i // 4}", i) for i in range(4000)]
    assert abs(np.mean(scoring) - 0.5) < 0.04
    assert scoring == [is_in_scoring_half(f"d{i // 4}", i) for i in range(4000)]
    assert len(set(scoring[:8])) == 2, "the contexts of one document may go either way"
