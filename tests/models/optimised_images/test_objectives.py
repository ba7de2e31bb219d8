"""Objectives against plain loops, and against what a small example must give."""

import pytest
import torch
from dictionaries import D, random_dictionary

from models.optimised_images.objectives import (
    ChannelObjective,
    DirectionObjective,
    Diversity,
    LatentObjective,
    NeuronObjective,
    gram_similarity,
)

MAP = torch.randn(3, 5, 4, 6, generator=torch.Generator().manual_seed(1))


def test_a_channel_is_a_mean_and_a_neuron_the_place_in_the_middle():
    for image in range(3):
        values = [float(MAP[image, 2, y, x]) for y in range(4) for x in range(6)]
        assert float(ChannelObjective(2)(MAP)[image]) == pytest.approx(sum(values) / 24, abs=1e-6)
        squares = sum(value**2 for value in values) / 24
        assert float(ChannelObjective(2, power=2)(MAP)[image]) == pytest.approx(squares, rel=1e-5)
        assert NeuronObjective(2)(MAP)[image] == MAP[image, 2, 2, 3]


def test_a_direction_is_a_dot_product_and_a_power_of_the_cosine_prefers_what_points_along():
    along = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    aslant = torch.tensor([30.0, 0.0]).view(1, 2, 1, 1)
    v = torch.tensor([3.0, 4.0])
    plain, cosine = DirectionObjective(v), DirectionObjective(v, cosine_power=4)
    assert plain(along).item() == pytest.approx(25)
    assert plain(aslant).item() == pytest.approx(90)
    assert cosine(along).item() == pytest.approx(25)
    assert cosine(aslant).item() == pytest.approx(90 * 0.6**4, rel=1e-5)


def test_what_points_the_other_way_counts_as_the_least_cosine():
    against, objective = torch.tensor([-3.0, -4.0]).view(1, 2, 1, 1), DirectionObjective(torch.tensor([3.0, 4.0]), 2)
    assert objective(against).item() == pytest.approx(-25 * 0.1**2, rel=1e-5)


def test_a_latent_in_the_middle_is_its_pre_activation_there():
    sae = random_dictionary("topk").requires_grad_(False)
    maps = torch.randn(2, D, 3, 5, generator=torch.Generator().manual_seed(2))
    wanted = (maps[:, :, 1, 2] - sae.b_dec) @ sae.encoder_FD[4] + sae.b_enc[4]
    assert torch.allclose(LatentObjective.of(sae, 4, in_the_middle=True)(maps), wanted, atol=1e-5)


def test_a_latent_is_the_mean_of_its_pre_activation_over_places():
    sae = random_dictionary("topk").requires_grad_(False)
    maps = torch.randn(2, D, 3, 3, generator=torch.Generator().manual_seed(2))
    objective = LatentObjective.of(sae, 4)
    by_hand = [
        sum(
            float((maps[n, :, y, x] - sae.b_dec) @ sae.encoder_FD[4] + sae.b_enc[4]) for y in range(3) for x in range(3)
        )
        / 9
        for n in range(2)
    ]
    assert objective(maps).tolist() == pytest.approx(by_hand, abs=1e-5)


def test_diversity_takes_off_how_much_images_look_alike():
    one = MAP[:1]
    assert gram_similarity(one).tolist() == [0.0]
    assert gram_similarity(torch.cat([one, one])).tolist() == pytest.approx([1.0, 1.0])
    # two images that use different channels have Gram matrices without a common entry
    left, right = torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)
    left[:, :2], right[:, 2:] = 1.0, 1.0
    assert gram_similarity(torch.cat([left, right])).tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    value = Diversity(ChannelObjective(0), 0.5)(torch.cat([one, one]))
    assert value.tolist() == pytest.approx((ChannelObjective(0)(one).repeat(2) - 0.5).tolist(), abs=1e-6)
