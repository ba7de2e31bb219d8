"""Bounds of L0 and of what calibration may cost, at and beside their limits."""

import pytest

from models.dictionaries.config import SAESettings
from models.evaluation.l0_target import has_wanted_l0, is_as_trained, largest_l0

TOPK = SAESettings(architecture="topk", n_features=64, k=4)
JUMPRELU = SAESettings(architecture="jumprelu", n_features=64, k=4)
UNAIMED = SAESettings(architecture="standard", n_features=64, k=4, sparsity_coefficient=3.0)


def test_top_k_may_have_fewer_but_never_more():
    assert largest_l0(TOPK, 0.25) == 4
    assert all(has_wanted_l0(TOPK, l0, 0.25) for l0 in (1.0, 4.0))
    assert not has_wanted_l0(TOPK, 4.01, 0.25)


def test_others_are_near_k_on_either_side():
    assert largest_l0(JUMPRELU, 0.25) == 5
    assert all(has_wanted_l0(JUMPRELU, l0, 0.25) for l0 in (3.0, 4.0, 5.0))
    assert not any(has_wanted_l0(JUMPRELU, l0, 0.25) for l0 in (2.99, 5.01))


def test_where_training_aims_at_no_l0_any_will_do():
    assert largest_l0(UNAIMED, 0.25) is None
    assert has_wanted_l0(UNAIMED, 60.0, 0.25)


@pytest.mark.parametrize(("exported", "passes"), [(0.1, True), (0.25, True), (0.26, False)])
def test_an_exported_dictionary_may_lose_no_more_than_the_tolerance(exported, passes):
    stages = {"trained": {"l0": 4.0, "fvu": 0.2}, "exported": {"l0": 4.0, "fvu": exported}}
    assert is_as_trained(stages, 0.25) is passes
