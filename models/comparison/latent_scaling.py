"""Whether a feature that a crosscoder gives to one side alone is of that side alone (Minder et al. 2025,
arXiv:2504.02922, latent scaling).

A crosscoder may write a feature that both sides have into one of them only: it saves the other's row and leaves the
feature in the other's error ("complete shrinkage"), or another feature writes it there ("decoupling"). How much of a
feature's direction the other side's error and reconstruction hold where the feature fires tells so. Both look along the
direction of the side that has the row, and are blind where the other writes another; `nu_vector` looks in all.

With the side of the larger row `major` and the other `minor`, d the major row and eps a side's error:

beta(Y) = sum_i f_i <d, y_i> / (sum_i f_i^2 |d|^2);  nu_error = beta(eps_minor) / (beta(eps_major) + 1);
nu_reconstruction = beta(x_hat_minor) / beta(x_hat_major);  nu_vector = |sum_i f_i eps_minor_i| / (sum_i f_i^2 |d|)

Axes: S sides, F features, D width of a side, T tokens, E width of both sides together.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from models.comparison.crosscoder_training import TrainedCrosscoder
from models.dictionaries.normalization import RunningMoments
from models.sparse.sparse_ops import scatter, sum_by_feature

LARGEST = 10.0
"""A ratio whose denominator is nearly nothing is cut here."""


@dataclass(frozen=True, slots=True)
class LatentSums:
    """What is summed over tokens; a value with a zero and a plus."""

    n_tokens: int
    firings_F: Tensor
    squares_F: Tensor
    """Of activations."""
    errors_SFD: Tensor
    """Activation times each side's error."""
    reconstructions_SFD: Tensor
    noise_SF: Tensor
    """Squared activation times squared norm of the error: what `errors_SFD` would come to by chance, squared."""
    squared_error_S: Tensor
    moments: tuple[RunningMoments, RunningMoments]

    @classmethod
    def zero(cls, n_features: int, width: int) -> Self:
        zeros_SFD = torch.zeros(2, n_features, width, dtype=torch.float64)
        moments = (RunningMoments.zero(width), RunningMoments.zero(width))
        counts_F = torch.zeros(n_features, dtype=torch.int64)
        squares_F = torch.zeros(n_features, dtype=torch.float64)
        noise_SF = torch.zeros(2, n_features, dtype=torch.float64)
        return cls(0, counts_F, squares_F, zeros_SFD, zeros_SFD, noise_SF, squares_F.new_zeros(2), moments)

    @classmethod
    @torch.no_grad()
    def of(cls, crosscoder: TrainedCrosscoder, x_TE: Tensor) -> Self:
        """Of raw activations of both sides."""
        scaled_TE = crosscoder.scaled(x_TE)
        codes = crosscoder.encode(scaled_TE)
        slots, acts_M = codes.slots()
        written_TE = crosscoder.decode(codes)
        widths = crosscoder.widths
        # Per side; the decoder's bias is no feature's work.
        wrote = (written_TE - crosscoder.centre_E).split(widths, dim=1)
        errors = (scaled_TE - written_TE).split(widths, dim=1)
        squared_ST = torch.stack([error.double().square().sum(1) for error in errors])
        noise_SF = [
            sum_by_feature(acts_M.double().square() * of_side_T[slots.tokens_M], slots) for of_side_T in squared_ST
        ]
        own, other = scaled_TE.split(widths, dim=1)
        return cls(
            len(x_TE),
            slots.firings(acts_M),
            sum_by_feature(acts_M.double().square(), slots),
            torch.stack([scatter(acts_M, error.contiguous(), slots).double() for error in errors]),
            torch.stack([scatter(acts_M, each.contiguous(), slots).double() for each in wrote]),
            torch.stack(noise_SF),
            squared_ST.sum(1),
            (RunningMoments.of(own), RunningMoments.of(other)),
        )

    def __add__(self, other: "LatentSums") -> "LatentSums":
        return LatentSums(
            self.n_tokens + other.n_tokens,
            self.firings_F + other.firings_F,
            self.squares_F + other.squares_F,
            self.errors_SFD + other.errors_SFD,
            self.reconstructions_SFD + other.reconstructions_SFD,
            self.noise_SF + other.noise_SF,
            self.squared_error_S + other.squared_error_S,
            (self.moments[0] + other.moments[0], self.moments[1] + other.moments[1]),
        )

    def fvu_S(self) -> list[float]:
        """Of either side."""
        return [float(e) / max(m.variation, 1e-30) for e, m in zip(self.squared_error_S, self.moments, strict=True)]


@dataclass(frozen=True, slots=True)
class LatentScaling:
    """Of each feature; NaN where it never fires."""

    nu_error_F: Tensor
    nu_reconstruction_F: Tensor
    nu_vector_F: Tensor
    nu_vector_chance_F: Tensor
    """What `nu_vector` comes to where errors say nothing of the feature: it falls with the number of firings."""

    @property
    def nu_vector_beyond_chance_F(self) -> Tensor:
        """`nu_vector` with what chance adds to its square taken off."""
        return (self.nu_vector_F.square() - self.nu_vector_chance_F.square()).clamp_min(0).sqrt()


def latent_scaling(sums: LatentSums, crosscoder: TrainedCrosscoder) -> LatentScaling:
    """How much of each feature the side with the smaller row has nevertheless."""
    norm_SF = crosscoder.norms_SF().double()
    major_F = norm_SF.argmax(0)
    each_F = torch.arange(len(major_F))
    row_FD = torch.stack([side.double() for side in crosscoder.decoder_SFD])[major_F, each_F]
    length_F = norm_SF[major_F, each_F]
    whole_F = sums.squares_F * length_F.square()

    def beta_F(summed_SFD: Tensor, side_F: Tensor) -> Tensor:
        return torch.linalg.vecdot(summed_SFD[side_F, each_F], row_FD) / whole_F

    minor_F = 1 - major_F
    own_F = beta_F(sums.errors_SFD, major_F) + 1
    written_F = beta_F(sums.reconstructions_SFD, major_F)
    noise_F = sums.noise_SF[minor_F, each_F].sqrt()
    vector_F = torch.linalg.vector_norm(sums.errors_SFD[minor_F, each_F], dim=1)
    return LatentScaling(
        (beta_F(sums.errors_SFD, minor_F) / own_F).clamp(-LARGEST, LARGEST),
        (beta_F(sums.reconstructions_SFD, minor_F) / written_F).clamp(-LARGEST, LARGEST),
        vector_F / (sums.squares_F * length_F),
        noise_F / (sums.squares_F * length_F),
    )
