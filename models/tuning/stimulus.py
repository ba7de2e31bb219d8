"""What every drawn stimulus is: a picture with an angle and a size.

H height, W width; x runs to the right and y down, angles in degrees from x towards y.
"""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

GREY = 0.5


class Stimulus(Protocol):
    """A picture that is drawn anew at any size."""

    @property
    def kind(self) -> str: ...

    @property
    def angle(self) -> float:
        """Where it points, in degrees: a direction, or an orientation."""
        ...

    @property
    def scale(self) -> float:
        """Radius or wavelength in pixels; infinite of a line."""
        ...

    def drawn(self, size: int) -> Tensor:
        """The picture between 0 and 1, (3, H, W)."""
        ...


def centred_places(size: int, shift: tuple[float, float] = (0.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every pixel, from the middle of the picture moved by `shift`: twice (H, W).

    The middle is the pixel [size // 2, size // 2], where the unit in the middle of a map looks.
    """
    y, x = np.mgrid[:size, :size].astype(np.float64)
    return x - size // 2 - shift[0], y - size // 2 - shift[1]


def grey_picture(brightness_HW: np.ndarray) -> Tensor:
    """A picture without colour, (3, H, W)."""
    return torch.from_numpy(np.clip(brightness_HW, 0, 1)).float().expand(3, *brightness_HW.shape)
