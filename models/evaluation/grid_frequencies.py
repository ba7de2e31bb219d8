"""Of which frequencies a unit's activations are made, over a whole grid of two numbers (Nanda et al. 2023).

A model that adds modulo P by rotations has units that are waves of a few key frequencies in both numbers; one that
learned the sums by heart has no such few. A unit's activations over all pairs are a picture of P x P. Its share at a
frequency w is the part of its variance in products of waves of 0, w, 2w, 3w in either number: of a rectified wave of
one frequency .98 and more.

Axes: P numbers, U units, W frequencies from 1 to P/2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

HARMONICS = 3


@dataclass(frozen=True, slots=True)
class UnitFrequencies:
    """Of each unit; a constant unit has a share of 0."""

    frequency_U: Tensor
    """The strongest with its harmonics."""
    share_U: Tensor
    """Of the unit's variance."""
    of_sum_U: Tensor
    """Part of the variance in waves of the sum of both numbers, of that frequency alone."""


def unit_frequencies(acts_UPP: Tensor) -> UnitFrequencies:
    """The frequency that each unit's picture is made of most: the one whose own waves hold most, for harmonics of
    others fall on every frequency once they are taken modulo P."""
    p = acts_UPP.shape[1]
    energy_UPP = torch.fft.fft2(acts_UPP.double()).abs().square()
    energy_UPP[:, 0, 0] = 0
    whole_U = energy_UPP.sum((1, 2))
    shares, sums, plain = [], [], []
    for frequency in range(1, p // 2 + 1):
        waves = {sign * harmonic * frequency % p for harmonic in range(HARMONICS + 1) for sign in (1, -1)}
        own = torch.tensor(sorted(waves))
        shares.append(energy_UPP[:, own][:, :, own].sum((1, 2)))
        both = sorted({frequency, p - frequency})
        first = torch.tensor([0, *both])
        plain.append(energy_UPP[:, first][:, :, first].sum((1, 2)))
        sums.append(energy_UPP[:, both, both].sum(1))
    varies_U = whole_U > 1e-9 * energy_UPP.shape[1] ** 4
    safe_U1 = torch.where(varies_U, whole_U, 1.0)[:, None]
    share_UW = torch.where(varies_U[:, None], torch.stack(shares, 1) / safe_U1, 0.0)
    at_U = torch.stack(plain, 1).argmax(1)
    share_U = share_UW.gather(1, at_U[:, None])[:, 0]
    of_sum_UW = torch.where(varies_U[:, None], torch.stack(sums, 1) / safe_U1, 0.0)
    return UnitFrequencies(at_U + 1, share_U, of_sum_UW.gather(1, at_U[:, None])[:, 0])


def number_frequencies(rows_PD: Tensor) -> Tensor:
    """Share of each frequency from 1 in what stands for the numbers from 0 to P - 1, such as their embeddings (W)."""
    energy_W = torch.fft.rfft(rows_PD.double(), dim=0).abs().square().sum(1)[1:]
    return energy_W / energy_W.sum().clamp_min(1e-30)
