"""Gratings, borders between fine and coarse noise, and noise alone as drawn stimuli.

Source: Olah et al. 2020, "An Overview of Early Vision in InceptionV1", and Schubert et al. 2021, "High-Low Frequency
Detectors", distill.pub/2020/circuits. Sine gratings in the place of the noise alias on a map that is coarser than they
are: their peak was seen 45 degrees off.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from torch import Tensor

from models.tuning.stimulus import GREY, centred_places, grey_picture

HIGH_BAND = (0.25, 0.45)
LOW_BAND = (0.02, 0.06)
"""Cycles a pixel."""
CONTRAST = 0.18
"""Standard deviation of the noise: three of them stay between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Grating:
    """A sine wave over the whole picture."""

    angle: float
    """Across the stripes, in degrees."""
    wavelength: float
    phase: float = 0.0
    """Degrees."""
    contrast: float = 0.5
    """Amplitude; grey is in the middle."""

    @property
    def kind(self) -> str:
        return "grating"

    @property
    def scale(self) -> float:
        return self.wavelength

    def drawn(self, size: int) -> Tensor:
        """The picture, (3, H, W)."""
        x, y = centred_places(size)
        direction = np.deg2rad(self.angle)
        run = np.cos(direction) * x + np.sin(direction) * y
        wave = np.cos(2 * np.pi * run / self.wavelength + np.deg2rad(self.phase))
        return grey_picture(GREY + self.contrast * wave)


@dataclass(frozen=True, slots=True)
class HighLowBorder:
    """Coarse noise on the side where the angle points, fine noise of equal variance on the other."""

    angle: float
    """From the fine side to the coarse one, in degrees."""
    seed: int = 0

    @property
    def kind(self) -> str:
        return "high_low"

    @property
    def scale(self) -> float:
        return 1 / float(np.mean(HIGH_BAND))

    def drawn(self, size: int) -> Tensor:
        """The picture, (3, H, W)."""
        x, y = centred_places(size)
        direction = np.deg2rad(self.angle)
        coarse_share = np.clip(np.cos(direction) * x + np.sin(direction) * y + 0.5, 0, 1)
        fine, coarse = (band_noise(size, band, self.seed) for band in (HIGH_BAND, LOW_BAND))
        return grey_picture(GREY + CONTRAST * (coarse_share * coarse + (1 - coarse_share) * fine))


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise of one band everywhere: what a unit answers to texture that has no place."""

    band: tuple[float, float] = (0.0, 0.5)
    seed: int = 0

    @property
    def kind(self) -> str:
        return "noise"

    @property
    def angle(self) -> float:
        return 0.0

    @property
    def scale(self) -> float:
        return 1 / max(float(np.mean(self.band)), 1e-3)

    def drawn(self, size: int) -> Tensor:
        """The picture, (3, H, W)."""
        return grey_picture(GREY + CONTRAST * band_noise(size, self.band, self.seed))


@lru_cache(maxsize=64)
def band_noise(size: int, band: tuple[float, float], seed: int) -> np.ndarray:
    """Noise whose frequencies lie between two, of mean 0 and variance 1: (H, W)."""
    chance = np.random.default_rng([seed, round(1e6 * band[0]), round(1e6 * band[1])])
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None])
    is_inside = (frequency >= band[0]) & (frequency <= band[1]) & (frequency > 0)
    if not is_inside.any():
        raise ValueError(f"no frequency of a picture of {size} pixels lies in {band}: draw at least {2 / band[1]:.0f}")
    noise = np.fft.ifft2(np.fft.fft2(chance.standard_normal((size, size))) * is_inside).real
    noise /= noise.std()
    noise.setflags(write=False)
    return noise
