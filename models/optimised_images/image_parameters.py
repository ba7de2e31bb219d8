"""Parameters of images: coefficients of the Fourier basis, each scaled so that all frequencies learn alike fast, or
pixels.

N images, C 3 channels, H height, W width, K = W/2 + 1 frequencies along a row.

Source: lucid, `optvis/param/spatial.py`, as lucent (github.com/greentfrapp/lucent) has it.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from models.optimised_images.decorrelated_colour import rgb_of

Basis = Literal["fourier", "pixel"]
START = 0.01
"""Standard deviation of the parameters before the first step."""
PER_PIXEL = 4.0
"""What the inverse transform is divided by: images then begin with values near those of photographs."""


class ImageParameters(nn.Module):
    """Images of one size, each begun from its own seed: the image of a seed does not depend on the others.

    fourier: image = irfft2(spectrum · max(frequency, 1 / longest side)^−1, norm="ortho") / 4, then colour;
    pixel:   image = parameters, then colour.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        size: int,
        basis: Basis = "fourier",
        *,
        decorrelated: bool = True,
    ) -> None:
        """Begins every image.

        Args:
            seeds: One an image.
            size: Pixels of a side.
            basis: What the parameters are coefficients of.
            decorrelated: Whether colours are mixed from independent axes; False takes the channels as red, green, blue.
        """
        super().__init__()
        self.size, self.basis, self.decorrelated = size, basis, decorrelated
        shape = (3, size, size // 2 + 1, 2) if basis == "fourier" else (3, size, size)
        start = [START * torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        self.parameters_N = nn.Parameter(torch.stack(start))
        self.scale_HK = nn.Buffer(frequency_scale(size))

    def forward(self) -> Tensor:
        """The images, red, green and blue between 0 and 1: (N, 3, H, W)."""
        values_NCHW = self.parameters_N
        if self.basis == "fourier":
            spectrum_NCHK = torch.view_as_complex(values_NCHW) * self.scale_HK
            size = (self.size, self.size)
            values_NCHW = torch.fft.irfft2(spectrum_NCHK, s=size, norm="ortho") / PER_PIXEL
        return rgb_of(values_NCHW) if self.decorrelated else torch.sigmoid(values_NCHW)


def frequency_scale(size: int) -> Tensor:
    """max(frequency, 1 / size)^−1 of each coefficient, frequencies in cycles a pixel, as in photographs: (H, K)."""
    frequency_HK = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    return torch.from_numpy(1 / np.maximum(frequency_HK, 1 / size)).float()
