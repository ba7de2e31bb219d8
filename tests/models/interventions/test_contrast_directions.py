"""Directions that separate two kinds of rows are those that were planted."""

import pytest
import torch

from models.interventions.contrast_directions import (
    mean_difference,
    pca_difference,
    random_direction,
    shuffled_labels,
    with_half_exchanged,
)

PLANTED_D = torch.zeros(32).index_fill(0, torch.tensor([3]), 4.0)


def pairs(n: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    shared_ND = torch.randn(n, 32, generator=chance) * 3
    noise_2ND = torch.randn(2, n, 32, generator=chance) * 0.5
    return shared_ND + PLANTED_D + noise_2ND[0], shared_ND + noise_2ND[1]


@pytest.mark.parametrize("make", [mean_difference, pca_difference])
def test_the_planted_direction_is_found_with_its_length_and_sign(make):
    positive_ND, negative_ND = pairs()
    found_D = make(positive_ND, negative_ND)
    assert float(torch.cosine_similarity(found_D, PLANTED_D, dim=0)) > 0.99
    assert float(found_D.norm()) == pytest.approx(4, rel=0.05)
    torch.testing.assert_close(make(negative_ND, positive_ND), -found_D, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shuffle", [with_half_exchanged, shuffled_labels])
def test_shuffled_labels_give_less_than_a_third_of_the_length(shuffle):
    sides = pairs(2000)
    for seed in range(5):
        shuffled = shuffle(*sides, seed)
        assert mean_difference(*shuffled).norm() < 0.3 * mean_difference(*sides).norm()
        assert torch.equal(torch.cat(shuffled).sort(0).values, torch.cat(sides).sort(0).values), "the same rows"
    assert not torch.equal(shuffle(*sides, 0)[0], shuffle(*sides, 1)[0])


def test_of_an_odd_number_of_pairs_nothing_of_the_property_stays():
    """One pair of five that nobody exchanged would be a fifth of the direction, and five times it the whole."""
    shared_ND = torch.zeros(5, 32)
    for seed in range(5):
        one_ND, other_ND = with_half_exchanged(shared_ND + PLANTED_D, shared_ND, seed)
        assert len(one_ND) == len(other_ND) == 4
        assert mean_difference(one_ND, other_ND).norm() == 0


def test_the_mean_is_summed_in_more_digits_than_the_rows_have():
    rows_ND = torch.full((3000, 1), 1e4) + torch.tensor([[0.0], [1.0], [2.0]]).repeat(1000, 1)
    assert float(mean_difference(rows_ND, torch.full((7, 1), 1e4))) == 1.0


def test_a_random_direction_is_as_long():
    drawn_D = random_direction(PLANTED_D, 1)
    assert float(drawn_D.norm()) == pytest.approx(4)
    assert abs(float(torch.cosine_similarity(drawn_D, PLANTED_D, dim=0))) < 0.5
