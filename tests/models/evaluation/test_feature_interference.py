"""Interference of three features by hand, and that sums of parts are the sums."""

import pytest
import torch

from models.dictionaries.architectures.topk import TopKSAE
from models.evaluation.feature_interference import InterferenceSums, dimensionality

HALF = 0.5**0.5
ROWS = torch.tensor([[1.0, 0.0, 0.0], [HALF, HALF, 0.0], [0.0, 0.0, 1.0]])


def dictionary() -> TopKSAE:
    tensors = {"W_enc": torch.eye(3), "W_dec": ROWS, "b_enc": torch.zeros(3), "b_dec": torch.zeros(3)}
    return TopKSAE(tensors, {"k": 3})


def test_what_others_write_is_their_activation_times_the_overlap():
    sae = dictionary()
    x_TD = torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 1.0]])  # codes are x itself
    sums = InterferenceSums.of(sae, sae.encode(x_TD))
    assert sums.leak_F.tolist() == pytest.approx([1 * HALF / 2, 2 * HALF / 10**0.5, 0])
    silent = [(3 * HALF) ** 2 / 2, 0, 0]
    own = [4, 10 / 2, 1]
    assert sums.silent_leak_F.tolist() == pytest.approx([(s / o) ** 0.5 for s, o in zip(silent, own, strict=True)])
    parts = InterferenceSums.of(sae, sae.encode(x_TD[:1])) + InterferenceSums.of(sae, sae.encode(x_TD[1:]))
    assert torch.allclose(parts.leak_F, sums.leak_F)
    assert parts.n_tokens == 3


def test_shares_of_a_dimension_count_live_features_alone():
    assert dimensionality(ROWS, torch.tensor([True, True, True])).tolist() == pytest.approx([2 / 3, 2 / 3, 1])
    share_F = dimensionality(ROWS, torch.tensor([True, False, True]))
    assert share_F[[0, 2]].tolist() == [1, 1]
    assert share_F[1].isnan()


def test_what_is_written_for_no_feature_is_no_interference():
    """Around another centre everything is as around 0."""
    sae, moved, centre_D = dictionary(), dictionary(), torch.tensor([1.0, -2.0, 3.0])
    moved.b_dec.data = centre_D
    x_TD = torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 1.0]])
    sums, others = (InterferenceSums.of(s, s.encode(x)) for s, x in ((sae, x_TD), (moved, x_TD + centre_D)))
    assert torch.allclose(others.leak_F, sums.leak_F)
    assert torch.allclose(others.silent_leak_F, sums.silent_leak_F)
