"""Planted waves of two numbers have their frequency; shuffled pictures and constant units have none."""

import pytest
import torch

from models.evaluation.grid_frequencies import number_frequencies, unit_frequencies

P = 59
FIRST, SECOND = torch.meshgrid(torch.arange(P), torch.arange(P), indexing="ij")


def wave(frequency: int, values: torch.Tensor) -> torch.Tensor:
    return torch.cos(2 * torch.pi * frequency * values / P)


def test_a_wave_of_the_sum_is_told_from_waves_of_either_number():
    pictures = torch.stack(
        [
            wave(7, FIRST + SECOND),
            wave(7, FIRST + SECOND).relu(),
            wave(11, FIRST) + wave(11, SECOND),
            torch.randn(P, P, generator=torch.Generator().manual_seed(0)),
            torch.ones(P, P),
        ]
    )
    found = unit_frequencies(pictures)
    assert found.frequency_U[:3].tolist() == [7, 7, 11]
    assert found.share_U[[0, 2]].tolist() == pytest.approx([1, 1])
    assert found.share_U[1] > 0.97
    assert found.of_sum_U[:3].tolist() == pytest.approx([1, 0.841, 0], abs=0.001)
    assert found.share_U[3] < 0.1
    assert found.share_U[4] == 0


def test_the_embedding_of_a_circle_has_one_frequency():
    numbers = torch.arange(P)
    circle = torch.stack([wave(5, numbers), torch.sin(2 * torch.pi * 5 * numbers / P), torch.ones(P)], dim=1)
    share_W = number_frequencies(circle)
    assert int(share_W.argmax()) + 1 == 5
    assert float(share_W.max()) == pytest.approx(1)
